import { describe, expect, test } from 'vitest'
import { listener, script, type Kind } from './kinds.js'
import { admin, connections, info, makers, server, subscribers, until } from './port-stage.js'

/** What every port does of subscriptions. */
export function subscribeTests(kind: Kind): void {
  const { lazy = false, silent = false } = kind
  const { make, connected } = makers(kind)

  describe('subscribe', () => {
    test('resolves when the server has confirmed it, and tells messages', async () => {
      const { port } = await connected()
      const seen = listener()
      await port.subscribe('a', seen)
      expect(await admin.publish('a', 'ключ')).toBe(1)
      await admin.publish('b', 'not this')
      await admin.publish('a', '')
      await until(() => expect(seen.messages).toEqual(['ключ', '']))
      expect(seen.gaps).toBe(0)
    })

    test('works without the offline queue, and with a short command time-out', async () => {
      const one = await connected({ odd: true })
      const { port } = one
      const seen = listener()
      await port.subscribe('a', seen)
      server.freeze()
      const slow = port.subscribe('b', seen)
      // This time-out began later than one of the subscription would have.
      if (lazy) await expect(one.ping()).rejects.toThrow('timed out')
      server.thaw()
      await slow
      await admin.publish('b', 'x')
      await until(() => expect(seen.messages).toEqual(['x']))
    })

    test('all channels share one connection', async () => {
      const { port } = await connected()
      expect(await connections()).toBe(2)
      const [a, b, again] = [listener(), listener(), listener()]
      await Promise.all([
        port.subscribe('a', a),
        port.subscribe('b', b),
        port.subscribe('a', again),
      ])
      expect(await connections()).toBe(3)
      expect(await connections(/ sub=2 /)).toBe(1)
      await admin.publish('a', '1')
      await admin.publish('b', '2')
      await until(() =>
        expect([a.messages, b.messages, again.messages]).toEqual([['1'], ['2'], ['1']]),
      )
    })

    test('is closed without harm to others on the channel, the last one unsubscribes', async () => {
      const { port } = await connected()
      const [first, second, third] = [listener(), listener(), listener()]
      const one = await port.subscribe('a', first)
      const two = await port.subscribe('a', second)
      await one.close()
      await one.close()
      await admin.publish('a', '1')
      await until(() => expect(second.messages).toEqual(['1']))
      await two.close()
      const three = await port.subscribe('a', third) // In the wake of the unsubscription.
      await admin.publish('a', '2')
      await until(() => expect(third.messages).toEqual(['2']))
      await three.close()
      await until(async () => expect(await subscribers('a')).toBe(0))
      expect([first.messages, second.messages]).toEqual([[], ['1']])
    })

    test('a subscription that was closed while the server was away stays closed', async () => {
      const { port } = await connected()
      const [closed, open] = [listener(), listener()]
      const one = await port.subscribe('a', closed)
      await port.subscribe('b', open)
      await server.kill()
      if (!silent) await until(() => expect(port.ready).toBe(false))
      await one.close()
      await server.restart()
      await until(() => expect(open.gaps).toBeGreaterThan(0))
      await until(async () => expect(await subscribers('a')).toBe(0))
      // One that tells nothing of itself may subscribe to both anew before it unsubscribes from the one: the
      // server's notices then look like two breaks. One too many costs a question, one too few a message.
      if (!silent) expect(open.gaps).toBe(1)
      expect(closed.gaps).toBe(0)
    })

    test('tells a gap after each break, when messages are sure to arrive again', async () => {
      const { port } = await connected()
      const received: Promise<number>[] = []
      const seen = listener()
      await port.subscribe('a', {
        onMessage: (message) => seen.onMessage(message),
        onGap: () => {
          seen.onGap()
          received.push(admin.publish('a', `${seen.gaps}`))
        },
      })
      for (let round = 1; round <= 3; round++) {
        await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
        // Else the next break may swallow the message: a server does not flush whom it ends.
        await until(() => expect(seen.messages).toHaveLength(round))
      }
      expect(await Promise.all(received)).toEqual([1, 1, 1])
      await server.restart()
      await until(() => expect(seen.messages).toEqual(['1', '2', '3', '4']))
      expect(seen.gaps).toBe(4)
    })

    test.skipIf(silent)(
      'ends when the server refuses the channel after a break, and tells no gap',
      async () => {
        await admin.acl('SETUSER', 'guest', 'on', '>pw', '~*', '+@all', 'resetchannels', '&a')
        const { port } = await connected({ username: 'guest', password: 'pw' })
        const seen = listener()
        await port.subscribe('a', seen)
        // The server ends connections that lose a channel; a new one may not subscribe any more.
        await admin.acl('SETUSER', 'guest', 'resetchannels')
        const refused = /cmdstat_subscribe:.*rejected_calls=(\d+)/
        await until(async () => expect(await info('commandstats', refused)).not.toBe(0))
        await port.run(script('return 1'), [], [])
        await until(() => expect(seen.ends).toBe(1))
        expect(seen.gaps).toBe(0)
        await admin.acl('SETUSER', 'guest', '&a')
        const again = listener()
        await port.subscribe('a', again)
        expect(await admin.publish('a', 'x')).toBe(1)
        await until(() => expect(again.messages).toEqual(['x']))
        expect(seen).toMatchObject({ messages: [], gaps: 0, ends: 1 })
      },
    )

    test('ends with its client, and begins anew with it', async () => {
      const one = await connected()
      const seen = listener()
      await one.port.subscribe('a', seen)
      one.end()
      // Nothing keeps the process alive that its user did not open.
      await until(async () => expect(await connections()).toBe(1))
      await until(() => expect(seen.ends).toBe(1))
      // Nor does it come back for whoever still asks, be it in the very turn of the end.
      const late = one.port.subscribe('a', listener())
      await expect(late).rejects.toThrow('The client was ended.')
      expect(await connections()).toBe(1)
      // GLIDE connects a client once.
      if (silent) return
      await one.connect()
      const again = listener()
      await until(() => one.port.subscribe('a', again))
      expect(await admin.publish('a', 'x')).toBe(1)
      await until(() => expect(again.messages).toEqual(['x']))
      expect(seen).toMatchObject({ messages: [], gaps: 0, ends: 1 })
    })

    test.skipIf(silent)('ends with its client, ended anew while it connects', async () => {
      const one = await connected()
      await one.port.subscribe('a', listener())
      one.end()
      await until(async () => expect(await connections()).toBe(1))
      await one.connect()
      const again = one.port.subscribe('a', listener()).catch(() => {})
      one.end()
      await again
      // It may have been reached meanwhile.
      await until(async () => expect(await connections()).toBe(1))
      await one.connect()
      await until(() => one.port.subscribe('a', listener()))
      await until(async () => expect(await connections()).toBe(3))
      expect(await subscribers('a')).toBe(1)
    })

    test.skipIf(silent)('an ended client has no connection for who never had one', async () => {
      const one = await connected()
      expect(one.port.ready).toBe(true)
      one.end()
      await until(async () => expect(await connections()).toBe(1))
      await expect(one.port.subscribe('a', listener())).rejects.toThrow('The client was ended.')
      expect(await connections()).toBe(1)
    })

    test('waits for a server that is away', async () => {
      const { port } = await connected()
      await server.kill()
      const seen = listener()
      const both = [port.subscribe('a', seen), port.subscribe('b', seen)]
      await server.restart()
      await Promise.all(both)
      await admin.publish('b', 'x')
      await until(() => expect(seen.messages).toEqual(['x']))
      expect(seen.gaps).toBe(0)
    })

    test.each([
      ['', {}],
      [' (client with unusual options)', { odd: true }],
    ])('outlives a break between its command and the answer%s', async (_with, options) => {
      const { port } = await connected(options)
      const [first, second] = [listener(), listener()]
      await port.subscribe('a', first)
      server.freeze()
      const pending = port.subscribe('b', second)
      await new Promise((resolve) => setImmediate(resolve)) // node-redis writes in the next turn.
      await server.restart()
      await pending
      expect(await admin.publish('b', 'x')).toBe(1)
      // GLIDE may tell it once for each channel; that only has the waiters ask once more.
      if (silent) await until(() => expect(first.gaps).toBeGreaterThan(0))
      else await until(() => expect(first.gaps).toBe(1))
      await until(() => expect(second.messages).toEqual(['x']))
      if (!silent) expect(second.gaps).toBe(0)
    })

    test.skipIf(silent)(
      'rejects when the client gives up, and connects again for the next one',
      async () => {
        const one = await connected({ attempts: 3 })
        const { port } = one
        const seen = listener()
        await port.subscribe('a', seen)
        await server.kill()
        await expect(port.subscribe('b', listener())).rejects.toThrow(
          /ECONNREFUSED|[Cc]losed|ended/,
        )
        // Now the subscriber's client has given up, whatever the time of the first attempt.
        await expect(port.subscribe('b', listener())).rejects.toThrow(/ECONNREFUSED|was ended/)
        await until(() => expect(seen.ends).toBe(1))
        await server.restart()
        await one.connect()
        const again = listener()
        await port.subscribe('a', again)
        expect(await admin.publish('a', 'x')).toBe(1)
        await until(() => expect(again.messages).toEqual(['x']))
        expect(seen).toMatchObject({ messages: [], gaps: 0, ends: 1 })
      },
    )

    test('rejects with NOPERM without the right to the channel; others still work', async () => {
      await admin.acl('SETUSER', 'guest', 'on', '>pw', '~*', '+@all', 'resetchannels', '&mine')
      const { port } = await connected({ username: 'guest', password: 'pw' })
      await expect(port.subscribe('yours', listener())).rejects.toThrow(
        silent ? 'PermissionDenied' : 'NOPERM',
      )
      const seen = listener()
      await port.subscribe('mine', seen)
      await expect(port.subscribe('yours', listener())).rejects.toThrow(
        silent ? 'PermissionDenied' : 'NOPERM',
      )
      await admin.publish('mine', 'x')
      await until(() => expect(seen.messages).toEqual(['x']))
    })

    test('rejects with a wrong password, though the client tries again for ever', async () => {
      await admin.acl('SETUSER', 'guest', 'on', '>pw', '~*', '+@all', '&*')
      const { port } = await make({ username: 'guest', password: 'wrong' })
      await expect(port.subscribe('a', listener())).rejects.toThrow('WRONGPASS')
    })
  })
}
