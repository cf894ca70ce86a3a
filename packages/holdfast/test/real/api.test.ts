import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { engines, refusal, until, World } from './kit.js'

describe.each(engines)('the mutex, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  describe('use', () => {
    test('holds while the function runs, and gives its result', async () => {
      const locks = world.locks()
      const seen = await locks.mutex('a').use(async (lock) => {
        const { signal, fence, name, validFor } = lock
        lock.assertHeld()
        expect(await locks.mutex('a').tryAcquire()).toBeNull()
        return { aborted: signal.aborted, fence, name, valid: validFor > 0 && validFor < 10_000 }
      })
      expect(seen).toMatchObject({ aborted: false, name: 'a', valid: true })
      expect(Number.isSafeInteger(seen.fence)).toBe(true)
      expect(await world.keys()).toEqual([])
    })

    test('the error of the function wins, and the lock is released', async () => {
      const mutex = world.locks().mutex('a')
      const mine = new Error('mine')
      expect(await refusal(mutex.use(() => Promise.reject(mine)))).toBe(mine)
      const thrown = mutex.use(() => {
        throw mine
      })
      expect(await refusal(thrown)).toBe(mine)
      const short = world.locks().mutex('b', { ttl: 1200 })
      const lostToo = short.use(async ({ signal }) => {
        await world.locks().forceRelease('b', { now: true })
        await until(() => expect(signal.aborted).toBe(true))
        throw mine
      })
      expect(await refusal(lostToo)).toBe(mine)
      expect(await world.keys()).toEqual([])
    })

    test('that lost its lease rejects, with the result of the function', async () => {
      const mutex = world.locks().mutex('a', { ttl: 1200 })
      const error = await refusal(
        mutex.use(async ({ signal }) => {
          await world.admin.del('lock:a')
          await until(() => expect(signal.aborted).toBe(true))
          return 42
        }),
      )
      expect(error).toMatchObject({ code: 'ERR_LOST', reason: 'gone', lock: 'a', result: 42 })
    })

    test('tryUse runs the function or says that it did not', async () => {
      const locks = world.locks()
      expect(await locks.mutex('a').tryUse(() => 7)).toEqual({ ran: true, result: 7 })
      const lock = await locks.mutex('a').acquire()
      let ran = false
      const taken = await locks.mutex('a').tryUse(() => {
        ran = true
      })
      expect(taken).toEqual({ ran: false })
      expect(ran).toBe(false)
      await lock.release()
    })
  })

  describe('release', () => {
    test('says what happened, and the same when called again', async () => {
      const lock = await world.locks().mutex('a').acquire()
      const first = lock.release()
      expect(lock.release()).toBe(first)
      expect(await first).toEqual({ released: true })
      expect(await lock.release()).toEqual({ released: true })
      expect(lock.signal.aborted).toBe(false)
      expect(lock.validFor).toBe(0)
      expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOST' }))
      expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST' })
      expect(await refusal(lock.extend(5000))).toMatchObject({ code: 'ERR_LOST' })
    })

    test('of what is no longer ours leaves the next holder alone', async () => {
      const locks = world.locks()
      const lock = await locks.mutex('a').acquire()
      await world.admin.del('lock:a')
      const next = await locks.mutex('a').acquire()
      expect(next.fence).toBeGreaterThan(lock.fence)
      expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
      await next.verify()
    })

    test('of a lease that ran out', async () => {
      const lock = await world.locks().mutex('a', { ttl: 100, renew: false }).acquire()
      await until(() => expect(lock.signal.aborted).toBe(true))
      expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
      expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
    })

    test.skipIf(engine === 'any')('while the server does not answer', async () => {
      const locks = world.locks({ nodeTimeout: 100 })
      const lock = await locks.mutex('a').acquire()
      world.server.freeze()
      expect(await lock.release()).toEqual({ released: false, reason: 'unavailable' })
      world.server.thaw()
      // It was told in the background.
      await until(async () => expect(await world.keys()).toEqual([]))
    })

    test('at the end of `await using`', async () => {
      const locks = world.locks()
      const lock = await locks.mutex('a').acquire()
      expect(await lock[Symbol.asyncDispose]()).toBeUndefined()
      expect((await locks.inspect('a')).holderCount).toBe(0)
      let inner: Lock
      {
        await using held = await locks.mutex('a').acquire()
        inner = held
        expect((await locks.inspect('a')).holderCount).toBe(1)
      }
      expect(inner.validFor).toBe(0)
      expect(await world.keys()).toEqual([])
    })
  })

  test('fences only grow: over releases, deletion of all keys, and other clients', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const fences: number[] = []
    for (let i = 0; i < 20; i++) {
      const lock = await (i % 2 ? a : b).mutex('a').acquire()
      fences.push(lock.fence)
      await lock.release()
      if (i % 5 === 0) await world.admin.flushall()
    }
    expect(fences).toEqual(fences.toSorted((x, y) => x - y))
    expect(new Set(fences).size).toBe(20)
  })

  describe('extend and verify', () => {
    test('extend sets what the server keeps, and renewals go on with it', async () => {
      const lock = await world.locks().mutex('a', { ttl: 1000 }).acquire()
      await lock.extend('60s')
      expect(await world.admin.pttl('lock:a')).toBeGreaterThan(50_000)
      expect(lock.validFor).toBeGreaterThan(50_000)
      await lock.extend(20_000)
      // The server never shortens a lease; the holder believes in the shorter one.
      expect(lock.validFor).toBeLessThan(20_000)
      await lock.verify()
      expect(lock.validFor).toBeLessThan(20_000)
      expect(lock.fence).toBe((await world.locks().inspect('a')).fence)
    })

    test('verify tells of a deleted key at once', async () => {
      const lock = await world.locks().mutex('a').acquire()
      await lock.verify()
      await world.admin.del('lock:a')
      lock.assertHeld()
      expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
      expect(lock.signal.aborted).toBe(true)
    })

    test('verify tells of a key that somebody else overwrote', async () => {
      const lock = await world.locks().mutex('a').acquire()
      await world.admin.set('lock:a', 'theirs', 'PX', 5000)
      expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
      expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
      expect(await world.admin.get('lock:a')).toBe('theirs')
    })

    test('the renewal finds a deleted and an overwritten key by itself', async () => {
      const locks = world.locks()
      const held = [
        await locks.mutex('a', { ttl: 1200 }).acquire(),
        await locks.mutex('b', { ttl: 1200 }).acquire(),
      ]
      await world.admin.del('lock:a')
      await world.admin.set('lock:b', 'theirs')
      for (const { signal } of held) {
        await until(() => expect(signal.aborted).toBe(true))
        expect(signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
      }
      await locks.close()
      expect(await world.admin.get('lock:b')).toBe('theirs')
    })
  })

  test('a client that is still connecting, or not even that, works at once', async () => {
    for (const client of [world.client(), world.client({ lazyConnect: true })]) {
      expect(client.status).not.toBe('ready')
      expect(
        await world
          .locks({}, client)
          .mutex('a')
          .use(() => 1),
      ).toBe(1)
    }
  })

  test('prefixes are part of the key, and nothing else tells names apart', async () => {
    for (const prefix of ['', 'p:', '{t}', 'a*[b]?', 'é☃']) {
      const locks = world.locks({ prefix })
      expect(locks.prefix).toBe(prefix)
      const lock = await locks.mutex('x').acquire()
      expect(await world.admin.get(`${prefix}x`)).toBe(lock.owner)
      expect(await world.locks({ prefix }).mutex('x').tryAcquire()).toBeNull()
      const listed: string[] = []
      for await (const { name } of locks.list()) listed.push(name)
      expect(listed).toContain('x')
    }
    // Two ways to the same key are one lock.
    expect(await world.locks({ prefix: '' }).mutex('p:x').tryAcquire()).toBeNull()
    expect(await world.locks().mutex('x').tryAcquire()).not.toBeNull()
  })
})
