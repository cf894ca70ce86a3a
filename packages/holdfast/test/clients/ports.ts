import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { later, listener, script, type Kind, type Made, type Options } from './kinds.js'

const until = <T>(check: () => T): Promise<Awaited<T>> =>
  vi.waitFor(check, { timeout: 5000, interval: 5 }) as Promise<Awaited<T>>

let server: RunningServer
let admin: Redis
let made: Made[] = []
const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)

beforeEach(async () => {
  process.on('unhandledRejection', note)
  const engine = process.env['HOLDFAST_ENGINE'] as 'redis' | 'valkey' | undefined
  server = await startServer({ engine })
  admin = new Redis(server.url)
  admin.on('error', () => {})
})

afterEach(async () => {
  for (const one of made) {
    await one.port.close()
    one.end()
  }
  made = []
  admin.disconnect()
  await server.stop()
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

const info = async (section: string, field: RegExp): Promise<number> =>
  Number(field.exec(await admin.info(section))?.[1] ?? 0)
const calls = (command: string): Promise<number> =>
  info('commandstats', new RegExp(`cmdstat_${command}:calls=(\\d+)`))
const connections = async (filter = /./): Promise<number> =>
  String(await admin.client('LIST'))
    .trim()
    .split('\n')
    .filter((line) => filter.test(line)).length
const subscribers = async (channel: string): Promise<unknown> =>
  (await admin.pubsub('NUMSUB', channel))[1]

/** What a promise rejects with, caught at once so that it may be looked at later. */
const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  )

/** What every port does, on whatever client. */
export function portTests(kind: Kind): void {
  const { lazy = false, silent = false, prefixes = false } = kind
  const make = async (options?: Options, url = server.url): Promise<Made> => {
    const one = await kind.make(url, options)
    made.push(one)
    return one
  }
  const connected = async (options?: Options): Promise<Made> => {
    const one = await make(options)
    await one.connect()
    return one
  }

  describe('run', () => {
    test('decodes a nested array as every other client does', async () => {
      const { port } = await connected()
      const lua = "return {KEYS[1], ARGV[1], 3, {'four', {5, false, '9007199254740993'}}, {}}"
      const expected = ['ключ', '', 3, ['four', [5, null, '9007199254740993']], []]
      expect(await port.run(script(lua), ['ключ'], [''])).toEqual(expected)
      const odd = await connected({ odd: true })
      expect(await odd.port.run(script(lua), ['ключ'], [''])).toEqual(expected)
    })

    test('costs one command, and one more when the server does not know the script', async () => {
      const { port } = await connected()
      const incr = script("return redis.call('INCR', KEYS[1])")
      const cost = async (): Promise<[evalsha: number, eval: number, reply: unknown]> => {
        await admin.config('RESETSTAT')
        const reply = await port.run(incr, ['n'], [])
        return [await calls('evalsha'), await calls('eval'), reply]
      }
      expect(await cost()).toEqual([1, 1, 1])
      expect(await cost()).toEqual([1, 0, 2])
      await admin.script('FLUSH')
      expect(await cost()).toEqual([1, 1, 3])
      expect(await cost()).toEqual([1, 0, 4])
    })

    test('rejects with the error of the server, and tries that only once', async () => {
      const { port } = await connected()
      await admin.set('text', 'x')
      const bad = script("return redis.call('HGET', KEYS[1], 'f')")
      await expect(port.run(bad, ['text'], [])).rejects.toThrow('WRONGTYPE')
      await admin.config('RESETSTAT')
      await expect(port.run(bad, ['text'], [])).rejects.toThrow('WRONGTYPE')
      expect([await calls('evalsha'), await calls('eval')]).toEqual([1, 0])
    })

    test.skipIf(!prefixes)(
      'puts the key prefix before keys, not before arguments or channels',
      async () => {
        const { port } = await connected({ prefix: 'app:' })
        const set = script("redis.call('SET', KEYS[1], ARGV[1]); return 1")
        await port.run(set, ['first'], ['v']) // EVAL
        await port.run(set, ['second'], ['v']) // EVALSHA
        expect(await admin.mget('app:first', 'app:second', 'first')).toEqual(['v', 'v', null])
        await port.subscribe('channel', listener())
        expect(await admin.pubsub('CHANNELS')).toEqual(['channel'])
      },
    )
  })

  describe.skipIf(silent)('ready', () => {
    test('is false before the connection, true with it, false when the server dies', async () => {
      const one = await make()
      expect(one.port.ready).toBe(false)
      await one.connect()
      expect(one.port.ready).toBe(true)
      await server.kill()
      await until(() => expect(one.port.ready).toBe(false))
    })

    test('calls back once when the server is back, and leaves no listener', async () => {
      const one = await connected()
      const before = one.allListeners()
      await server.kill()
      await until(() => expect(one.port.ready).toBe(false))
      let times = 0
      const back = later()
      one.port.onReady(() => {
        times++
        back.resolve()
      })
      await server.restart()
      await back.promise
      expect(one.port.ready).toBe(true)
      await until(() => expect(one.allListeners()).toBe(before))

      const again = later()
      await server.kill()
      await until(() => expect(one.port.ready).toBe(false))
      one.port.onReady(again.resolve)
      await server.restart()
      await again.promise
      expect(times).toBe(1)
    })

    test('calls back at once, but not synchronously, when it is ready', async () => {
      const one = await connected()
      const before = one.allListeners()
      const called = later()
      let synchronous = true
      one.port.onReady(() => called.resolve(expect(synchronous).toBe(false)))
      synchronous = false
      await called.promise
      expect(one.allListeners()).toBe(before)
    })

    test('a wish that is taken back leaves no listener and is not fulfilled', async () => {
      const one = await connected()
      const callback = vi.fn<() => void>()
      one.port.onReady(callback)() // Still in its microtask.
      await Promise.resolve()
      await server.kill()
      await until(() => expect(one.port.ready).toBe(false))
      const before = one.listeners('ready')
      const stop = one.port.onReady(callback)
      expect(one.listeners('ready')).toBe(before + 1)
      stop()
      stop()
      expect(one.listeners('ready')).toBe(before)
      one.port.onReady(callback)
      await one.port.close()
      expect(one.listeners('ready')).toBe(before)
      await server.restart()
      await until(() => expect(one.port.ready).toBe(true))
      await one.ping()
      expect(callback).not.toHaveBeenCalled()
    })

    test(`a lazy client is ${lazy ? '' : 'not '}connected by the wish`, async () => {
      const one = await make()
      const called = later()
      one.port.onReady(called.resolve)
      if (lazy) {
        await called.promise
      } else {
        expect(one.port.ready).toBe(false)
        await admin.ping()
        expect(await connections()).toBe(1)
        await one.connect()
        await called.promise
      }
      expect(one.port.ready).toBe(true)
    })

    test('a lazy client whose server is away becomes ready when it comes', async () => {
      await server.kill()
      const one = await make()
      const called = later()
      one.port.onReady(called.resolve)
      if (!lazy) void one.connect()
      await server.restart()
      await called.promise
      expect(one.port.ready).toBe(true)
    })
  })

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
      await until(() => expect(open.gaps).toBe(1))
      await until(async () => expect(await subscribers('a')).toBe(0))
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
        const { port } = await connected({ attempts: 3 })
        const seen = listener()
        await port.subscribe('a', seen)
        await server.kill()
        await expect(port.subscribe('b', listener())).rejects.toThrow(/ECONNREFUSED|[Cc]losed/)
        // Now the subscriber's client has given up, whatever the time of the first attempt.
        await expect(port.subscribe('b', listener())).rejects.toThrow('ECONNREFUSED')
        await until(() => expect(seen.ends).toBe(1))
        await server.restart()
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

  describe('close', () => {
    test('ends the own connection only, and leaves no listener on the client', async () => {
      const one = await connected()
      const before = one.allListeners()
      const seen = listener()
      const subscription = await one.port.subscribe('a', seen)
      one.port.onReady(() => {})
      expect(await connections()).toBe(3)
      await one.port.close()
      await one.port.close()
      await subscription.close()
      await until(async () => expect(await connections()).toBe(2))
      expect(one.allListeners()).toBe(before)
      expect(await one.ping()).toBe('PONG')
      await expect(one.port.subscribe('a', seen)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    })

    test('ends a subscription that is being made, also while it connects', async () => {
      const one = await connected()
      const pending = refusal(one.port.subscribe('a', listener()))
      const before = await info('stats', /total_connections_received:(\d+)/)
      await one.port.close()
      expect(await pending).toMatchObject({ code: 'ERR_CLOSED' })
      // ioredis may not even connect; where a connection comes, it has to go again.
      if (!lazy || silent) {
        const received = /total_connections_received:(\d+)/
        await until(async () => expect(await info('stats', received)).toBe(before + 1))
      }
      await until(async () => expect(await connections()).toBe(2))
    })

    test('does not wait for a server that is away or does not answer', async () => {
      const complaints = vi.spyOn(console, 'error')
      const one = await connected()
      const subscription = await one.port.subscribe('a', listener())
      server.freeze()
      const frozen = refusal(one.port.subscribe('b', listener()))
      await subscription.close()
      await one.port.close()
      expect(await frozen).toMatchObject({ code: 'ERR_CLOSED' })
      const two = await make()
      await server.kill()
      const away = refusal(two.port.subscribe('c', listener()))
      await two.port.close()
      expect(await away).toMatchObject({ code: 'ERR_CLOSED' })
      await server.restart()
      await until(() => expect(one.port.ready).toBe(true))
      await admin.ping()
      expect(await admin.pubsub('CHANNELS')).toEqual([])
      // GLIDE would, of what it writes after its end.
      expect(complaints).not.toHaveBeenCalled()
    })
  })
}
