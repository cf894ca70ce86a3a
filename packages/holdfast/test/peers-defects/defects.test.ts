// Defects of Redisson and redis-semaphore that no other test plays here, on real servers. README.md has
// all of them, each with its test.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast, Runtime } from '../../src/index.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { Events, engines, refusal, until, World } from '../real/kit.js'

/** The clock of a machine that is set wrong. */
const ahead = (ms: number): Runtime => ({ ...systemRuntime, wall: () => Date.now() + ms })

describe.each(engines)('not ours, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())
  const waiters = (locks: Holdfast, count: number): Promise<void> =>
    until(async () => expect((await locks.inspect('x')).waiterCount).toBe(count))

  test('a client whose clock is 60 s ahead throws live waiters out of the line', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const late = world.locks({ runtime: ahead(60_000) })
    const early = world.locks({ runtime: ahead(-60_000) })
    const held = await a.mutex('x').acquire()
    const order: string[] = []
    const all: Promise<unknown>[] = []
    for (const [i, locks] of [a, b, late, early].entries()) {
      all.push(locks.mutex('x').use(() => order.push(['a', 'b', 'late', 'early'][i]!)))
      await waiters(a, i + 1)
    }
    // Nor does it by asking for something else.
    expect(await late.mutex('x').tryAcquire()).toBeNull()
    await waiters(a, 4)
    await held.release()
    await Promise.all(all)
    expect(order).toEqual(['a', 'b', 'late', 'early'])
  })

  test('a client whose clock is 31 s ahead takes a fresh lease of 30 s', async () => {
    const [a, skewed] = [world.locks(), world.locks({ runtime: ahead(31_000) })]
    const options = { ttl: '30s' } as const
    const held = await a.mutex('x', options).acquire()
    expect(await skewed.mutex('x', options).tryAcquire()).toBeNull()
    expect(await skewed.readWrite('x', options).read().tryAcquire()).toBeNull()
    const { remaining } = (await skewed.inspect('x')).holders[0]!
    expect(remaining).toBeLessThanOrEqual(30_000)
    expect(remaining).toBeGreaterThan(0)
    await held.verify()
    // And what it holds itself is neither longer nor shorter.
    const own = await skewed.mutex('y', options).acquire()
    await own.verify()
    expect(own.validFor).toBeGreaterThan(15_000)
    expect(own.validFor).toBeLessThan(30_000)
  })

  test('a refresh that fails is an unhandled rejection, and the lock is given up', async () => {
    if (engine === 'any') return
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const events = new Events()
    try {
      const lock = await world.locks({ nodeTimeout: 100 }).mutex('x', { ttl: '9s' }).acquire()
      world.server.freeze()
      expect(await refusal(lock.verify())).toMatchObject({ code: 'ERR_UNAVAILABLE' })
      expect(events.of('holdfast:jeopardy')).toHaveLength(1)
      world.server.thaw()
      // By its own timer.
      await until(() => expect(events.of('holdfast:renewed')).toHaveLength(1))
      expect([lock.isHeld, lock.signal.aborted]).toEqual([true, false])
      expect(unhandled).toEqual([])
    } finally {
      world.server.thaw()
      events.stop()
      process.off('unhandledRejection', note)
    }
  })

  test('held by a flag, while the server is frozen past the lease', async () => {
    if (engine === 'any') return
    const lock = await world.locks().mutex('x', { ttl: 300 }).acquire()
    world.server.freeze()
    try {
      await until(() => expect(lock.signal.aborted).toBe(true))
      expect(lock.isHeld).toBe(false)
      expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
    } finally {
      world.server.thaw()
    }
  })

  test('a lock that is granted when its lease is over', async () => {
    if (engine === 'any') return
    const locks = world.locks({ nodeTimeout: 5000 })
    await locks.mutex('x').use(() => {})
    world.server.freeze()
    const asked = refusal(locks.mutex('x', { ttl: 50, renew: false }).tryAcquire())
    await new Promise((resolve) => setTimeout(resolve, 250))
    world.server.thaw()
    expect(await asked).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await until(async () => expect(await world.keys()).toEqual([]))
  })

  test('an acquire timeout of 0 never tries', async () => {
    const locks = world.locks()
    const lock = await locks.mutex('x').acquire({ wait: 0 })
    expect(lock.isHeld).toBe(true)
    const permit = await locks.semaphore('s', { limit: 1 }).acquire({ wait: 0 })
    expect(permit.isHeld).toBe(true)
  })
})
