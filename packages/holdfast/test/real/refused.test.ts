import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { HoldfastError, type Holdfast } from '../../src/index.js'
import { engines, refusal, until, World } from './kit.js'

describe.each(engines)('forced and refused, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  const queued = (locks: Holdfast, count: number, name = 'a'): Promise<void> =>
    until(async () => expect((await locks.inspect(name)).waiterCount).toBe(count))

  describe('forceRelease', () => {
    // A process that has waited once has a subscription, by which it is told.
    async function subscribed(): Promise<Holdfast> {
      const locks = world.locks()
      const lock = await locks.mutex('a').acquire()
      const waiting = locks.mutex('a').acquire()
      await queued(locks, 1)
      await lock.release()
      await (await waiting).release()
      return locks
    }

    test('aborts the signal, and withholds the name until the holder lets go', async () => {
      const locks = await subscribed()
      const lock = await locks.mutex('a', { ttl: 60_000 }).acquire()
      const next = world.locks().mutex('a').acquire()
      await queued(locks, 1)
      const result = await world.locks().forceRelease('a')
      expect(result).toMatchObject({ freed: false, asked: 1 })
      expect(result.remaining).toBeGreaterThan(0)
      await until(() => expect(lock.signal.aborted).toBe(true))
      expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'forced', lock: 'a' })
      // Letting go gave it to the next, long before the lease would have ended.
      expect((await next).fence).toBeGreaterThan(lock.fence)
      expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
    })

    test('without a subscription, the next renewal tells', async () => {
      const lock = await world.locks().mutex('a', { ttl: 1200 }).acquire()
      expect(await world.locks().forceRelease('a')).toMatchObject({ freed: false, asked: 1 })
      await until(() => expect(lock.signal.aborted).toBe(true))
      expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'forced' })
      await until(async () => expect(await world.keys()).toEqual([]))
    })

    test('with `now` the name is free at once, or handed over', async () => {
      const locks = await subscribed()
      const lock = await locks.mutex('a').acquire()
      expect(await world.locks().forceRelease('a', { now: true })).toEqual({
        freed: true,
        asked: 1,
        remaining: 0,
      })
      const next = await world.locks().mutex('a').tryAcquire()
      expect(next!.fence).toBeGreaterThan(lock.fence)
      await until(() => expect(lock.signal.aborted).toBe(true))
      expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'forced' })
      const waiting = locks.mutex('a').acquire()
      await queued(locks, 1)
      await locks.forceRelease('a', { now: true })
      expect((await waiting).fence).toBeGreaterThan(next!.fence)
    })

    test('of a free name, and of a holder of another library', async () => {
      const locks = world.locks()
      expect(await locks.forceRelease('a')).toEqual({ freed: true, asked: 0, remaining: 0 })
      await world.admin.set('lock:a', 'theirs')
      expect(await locks.forceRelease('a')).toEqual({ freed: false, asked: 0, remaining: null })
      expect(await world.admin.get('lock:a')).toBe('theirs')
      expect(await locks.forceRelease('a', { now: true })).toMatchObject({ freed: true })
      expect(await world.admin.exists('lock:a')).toBe(0)
    })
  })

  describe('refusals', () => {
    test('taken and timed out: who holds it, and for how long', async () => {
      const lock = await world.locks().mutex('a', { label: 'the nightly job' }).acquire()
      const mutex = world.locks().mutex('a')
      const holder = {
        mode: 'exclusive',
        owner: lock.owner,
        label: 'the nightly job',
        pid: process.pid,
        host: expect.any(String) as string,
      }
      for (const [wait, code] of [
        [0, 'ERR_TAKEN'],
        [50, 'ERR_TIMEOUT'],
      ] as const) {
        const error = (await refusal(mutex.acquire({ wait }))) as HoldfastError
        expect(error).toBeInstanceOf(HoldfastError)
        expect(error).toMatchObject({ code, lock: 'a', holder })
        expect(error.message).toContain('the nightly job')
        expect(error.remaining).toBeGreaterThan(0)
        expect(error.remaining).toBeLessThanOrEqual(10_000)
      }
      expect((await world.locks().inspect('a')).waiterCount).toBe(0)
    })

    test('by a foreign key without an expiry: no remaining time', async () => {
      await world.admin.set('lock:a', 'theirs')
      const mutex = world.locks().mutex('a')
      const foreign = { holder: { mode: 'foreign', owner: null }, remaining: null }
      expect(await refusal(mutex.acquire({ wait: 0 }))).toMatchObject({
        code: 'ERR_TAKEN',
        ...foreign,
      })
      expect(await refusal(mutex.acquire({ wait: 50 }))).toMatchObject({
        code: 'ERR_TIMEOUT',
        ...foreign,
      })
    })

    test.skipIf(engine === 'any')('the wait ends while a question is under way', async () => {
      const locks = world.locks({ nodeTimeout: 5000 })
      const names = Array.from({ length: 10 }, (_, i) => `n${i}`)
      for (const name of names) await world.admin.set(`lock:${name}`, 'theirs')
      const waiting = names.map((name, i) =>
        refusal(locks.mutex(name).acquire({ wait: 600 + 7 * i })),
      )
      for (const name of names) await queued(locks, 1, name)
      // From here on nothing is answered, and behind a foreign holder a question follows soon.
      world.server.freeze()
      const errors = await Promise.all(waiting)
      world.server.thaw()
      // The question had too little time to say anything against the server.
      const holder = { mode: 'foreign', owner: null }
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'ERR_TIMEOUT', holder, remaining: null })
      }
      for (const name of names) await queued(locks, 0, name)
    })

    test('aborted: the reason of the signal, before and while it waits', async () => {
      const locks = world.locks()
      const reason = { mine: true }
      const mutex = locks.mutex('a')
      const nothing = await world.during(async () => {
        const given = mutex.acquire({ signal: AbortSignal.abort(reason) })
        expect(await refusal(given)).toBe(reason)
      })
      expect(nothing.evalsha + nothing.eval).toBe(0)
      const lock = await mutex.acquire()
      const controller = new AbortController()
      const waiting = refusal(mutex.acquire({ signal: controller.signal }))
      await queued(locks, 1)
      controller.abort(reason)
      expect(await waiting).toBe(reason)
      await queued(locks, 0)
      await lock.verify()
    })

    test.skipIf(engine === 'any')('a server that does not answer', async () => {
      const locks = world.locks({ nodeTimeout: 50 })
      await locks.mutex('a').use(() => {})
      world.server.freeze()
      const tried = await refusal(locks.mutex('a').tryAcquire())
      const waited = await refusal(locks.mutex('a').acquire({ wait: 200 }))
      const inspected = await refusal(locks.inspect('a'))
      world.server.thaw()
      for (const error of [tried, waited, inspected]) {
        expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
      }
      await until(async () => expect(await world.keys()).toEqual([]))
    })
  })
})
