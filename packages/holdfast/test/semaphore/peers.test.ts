// Defects of other libraries' semaphores, each reproduced on them once: none of them is ours.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { engines, refusal, until, World } from '../real/kit.js'
import { World as Sim } from '../kit/world.js'

describe.each(engines)('not ours, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('three racers for two permits: too many in some of a hundred runs', async () => {
    const all = [world.locks(), world.locks(), world.locks()]
    for (let i = 0; i < 100; i++) {
      const name = `x${i}`
      const tries = all.map((one) => one.semaphore(name, { limit: 2 }).tryAcquire())
      const held = (await Promise.all(tries)).filter((lock) => lock !== null)
      expect(held).toHaveLength(2)
      for (const lock of held) await lock.release()
    }
  })

  test('a try for several that fails leaks some of them', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const one = await a.semaphore('x', { limit: 3 }).acquire()
    const other = b.semaphore('x', { limit: 3 })
    for (let i = 0; i < 10; i++) expect(await other.tryAcquire({ permits: 3 })).toBeNull()
    await refusal(other.acquire({ permits: 3, wait: 50 }))
    await refusal(other.acquire({ permits: 3, signal: AbortSignal.timeout(50) }))
    expect(await other.available()).toEqual({ limit: 3, used: 1, available: 2, waiting: 0 })
    await one.release()
    expect(await world.keys()).toEqual([])
  })

  test('one with a short lease ends those with a long one', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const limit = 2
    const long = await a.semaphore('x', { limit, ttl: '10s', renew: false }).acquire()
    const short = await b.semaphore('x', { limit, ttl: 100, renew: false }).acquire()
    await sleep(250)
    expect(short.validFor).toBe(0)
    long.assertHeld()
    const again = b.semaphore('x', { limit, ttl: 100, renew: false })
    expect(await again.tryAcquire({ permits: 2 })).toBeNull()
    expect(await again.available()).toMatchObject({ used: 1 })
    await sleep(150)
    await long.verify()
  })

  test('taken twice through one object: renewals that never end, or one permit for both', async () => {
    const locks = world.locks()
    const semaphore = locks.semaphore('x', { limit: 2, ttl: 300 })
    const first = await semaphore.acquire()
    const second = await semaphore.acquire()
    expect(first.owner).not.toBe(second.owner)
    expect(await semaphore.tryAcquire()).toBeNull()
    await sleep(500)
    await first.release()
    await second.release()
    const after = await world.during(() => sleep(1000))
    expect(after.evalsha).toBe(0)
    expect(await world.keys()).toEqual([])
  })

  test('a client that gives numbers as text: refused, and the permit stays', async () => {
    const client = new Redis(world.server.url, { stringNumbers: true })
    try {
      const locks = world.locks({}, client)
      const semaphore = locks.semaphore('x', { limit: 3 })
      const lock = await semaphore.acquire({ permits: 2 })
      expect(await semaphore.available()).toEqual({ limit: 3, used: 2, available: 1, waiting: 0 })
      const wait = semaphore.acquire({ permits: 3 })
      await until(async () => expect((await semaphore.available()).waiting).toBe(1))
      await lock.release()
      await (await wait).release()
      expect(await world.keys()).toEqual([])
    } finally {
      client.disconnect()
    }
  })

  test('50 who wait: thousands of commands a second', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const lock = await a.semaphore('x', { limit: 1, ttl: '30s' }).acquire()
    const options = { limit: 1, wait: '60s' } as const
    const all = Array.from({ length: 50 }, () => b.semaphore('x', options).use(() => {}))
    await until(async () => expect((await a.inspect('x')).waiterCount).toBe(50))
    const cost = await world.during(() => sleep(1000))
    expect(cost).toEqual({ evalsha: 0, eval: 0, publish: 0, subscribe: 0 })
    await lock.release()
    await Promise.all(all)
  })

  test('a release twice, or of one that is over, gives permits that nobody had', async () => {
    const locks = world.locks()
    const semaphore = locks.semaphore('x', { limit: 2 })
    const other = await semaphore.acquire()
    const lock = await semaphore.acquire()
    expect(await lock.release()).toEqual({ released: true })
    await lock.release()
    expect(await semaphore.available()).toMatchObject({ limit: 2, used: 1, available: 1 })
    await other.release()
  })

  test('a server that is frozen past the wait: success long after it', async () => {
    if (engine === 'any') return
    const locks = world.locks()
    await locks.semaphore('x', { limit: 1 }).use(() => {})
    world.server.freeze()
    const refused = await refusal(locks.semaphore('x', { limit: 1 }).acquire({ wait: 200 }))
    world.server.thaw()
    expect(refused).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await until(async () =>
      expect(await locks.semaphore('x', { limit: 1 }).available()).toMatchObject({ used: 0 }),
    )
  })
})

test('not ours: a client whose clock is ahead reclaims what others hold', async () => {
  const w = new Sim()
  const [a, b] = [w.client(), w.client({ ahead: 31_000 })]
  const options = { limit: 1, ttl: '30s' } as const
  const held = await a.locks.semaphore('x', options).acquire()
  await w.advance(100)
  expect(await b.locks.semaphore('x', options).tryAcquire()).toBeNull()
  held.assertHeld()
})

test('not ours: held by a flag, when the lease is long over; a failed renewal unhandled', async () => {
  const w = new Sim()
  const a = w.client()
  const held = await a.locks.semaphore('x', { limit: 2, ttl: 1000 }).acquire({ permits: 2 })
  w.net.silence(a)
  await w.advance(1000)
  expect(held.validFor).toBe(0)
  expect(held.signal.aborted).toBe(true)
  expect(held.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
})

test('not ours: a late release or renewal of one tenure acts on the next of the same object', async () => {
  const w = new Sim()
  const { locks, port } = w.client()
  const semaphore = locks.semaphore('x', { limit: 1 })
  const first: Lock = await semaphore.acquire()
  const late = w.net.double('request', 'release', { of: { port } })
  await first.release()
  const second = await semaphore.acquire()
  late.release()
  await w.advance(10)
  expect(await semaphore.tryAcquire()).toBeNull()
  await second.verify()
})
