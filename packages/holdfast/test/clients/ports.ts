import { describe, expect, test, vi } from 'vitest'
import { later, listener, script, type Kind } from './kinds.js'
import { admin, calls, connections, info, makers, refusal, server, until } from './port-stage.js'
import { subscribeTests } from './ports-subscribe.js'

/** What every port does, on whatever client. */
export function portTests(kind: Kind): void {
  const { lazy = false, silent = false, prefixes = false } = kind
  const { make, connected } = makers(kind)

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
      // Neither that by which the port forgets errors.
      expect(one.listeners('ready')).toBe(before - 1)
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

  subscribeTests(kind)

  describe('close', () => {
    test('ends the own connection only, and leaves no listener on the client', async () => {
      const one = await connected()
      // The port itself remembers errors.
      const before = one.allListeners() - (silent ? 0 : 2)
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
