// What keeps a name beyond its holder, on real servers: across processes, and what it costs.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ReleaseResult } from '../../src/index.js'
import { engines, refusal, until, World } from '../real/kit.js'
import { runToEnd } from '../real/process.js'

describe.each(engines)('holdAtLeast, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('a process that releases and ends at once keeps the name, for longer than its lease', async () => {
    const { code, said } = await runToEnd(world.server.url, 'kept')
    expect(code).toBe(0)
    expect(Number(said)).toBeGreaterThan(1000)
    const locks = world.locks()
    const { holders } = await locks.inspect('exit:d')
    // The lease was of one second.
    expect(holders[0]!.remaining).toBeGreaterThan(1000)
    expect(await locks.mutex('exit:d').tryAcquire()).toBe(null)
    await locks.forceRelease('exit:d', { now: true })
    expect(await world.keys()).toEqual([])
  })

  test('commands and messages: none more, but one that tells the next when to ask', async () => {
    const [a, b] = [world.locks(), world.locks()]
    await a.mutex('a').use(() => {})
    const mutex = a.mutex('a', { holdAtLeast: 100 })
    expect(await world.during(() => mutex.use(() => {}))).toMatchObject({ evalsha: 2, publish: 0 })
    const lock = await mutex.acquire()
    const next = b.mutex('a').acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    const before = await world.counts()
    const { keptFor = 0 } = await lock.release()
    await (await next).release()
    // One release, one question, one release. On a slow machine the time may be over already.
    expect(await world.since(before)).toMatchObject({ evalsha: keptFor > 0 ? 3 : 2, publish: 1 })
    expect(await world.keys()).toEqual([])
  })

  test('a full memory refuses no release, early or not', async () => {
    const locks = world.locks()
    const keep = { holdAtLeast: '1m', ttl: '30s' } as const
    const held = [
      await locks.mutex('a', keep).acquire(),
      await locks.readWrite('b', keep).read().acquire(),
      await locks.semaphore('c', { limit: 3, ...keep }).acquire({ permits: 2 }),
      await locks.mutex('d').acquire(),
    ]
    await world.admin.config('SET', 'maxmemory', '1')
    try {
      const ends: ReleaseResult[] = []
      // One after the other: together they would be one script, which may go on once it has written.
      for (const lock of held) ends.push(await lock.release())
      expect(ends.map(({ keptFor }) => (keptFor ?? 0) > 30_000)).toEqual([true, true, true, false])
      expect(ends.map(({ released }) => released)).toEqual([true, true, true, true])
    } finally {
      await world.admin.config('SET', 'maxmemory', '0')
    }
  })
})

describe.each(engines)('handOver, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(() => world.stop())

  test('a process that hands over and ends: another goes on, once', async () => {
    const { code, said } = await runToEnd(world.server.url, 'handed over')
    expect(code).toBe(0)
    const [first = '', second = ''] = said.split('\n')
    const [a, b] = [world.locks({ label: 'the second' }), world.locks()]
    const before = await a.inspect('exit:e')
    expect(before.holders).toMatchObject([{ label: 'the first' }])
    const lock = await a.takeOver(first)
    expect(lock.fence).toBeGreaterThan(before.fence)
    const after = await b.inspect('exit:e')
    expect(after.holders).toMatchObject([{ label: 'the second', owner: lock.owner }])
    expect(await refusal(b.takeOver(first))).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
    const permits = await b.takeOver(second, { ttl: 5000 })
    const semaphore = b.semaphore('exit:f', { limit: 3 })
    expect(await semaphore.available()).toMatchObject({ used: 2, limit: 3 })
    await lock.verify()
    await permits.verify()
    await lock.release()
    await permits.release()
    expect(await world.keys()).toEqual([])
  })

  test('two commands, and no message', async () => {
    const [a, b] = [world.locks(), world.locks()]
    // The server learns the script, and b the server's clock.
    await (await b.takeOver(await (await a.mutex('b').acquire()).handOver())).release()
    const lock = await a.mutex('a').acquire()
    const next = a.mutex('a').acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    const before = await world.counts()
    const taken = await b.takeOver(await lock.handOver())
    expect(await world.since(before)).toMatchObject({ evalsha: 2, eval: 0, publish: 0 })
    await taken.release()
    await (await next).release()
  })
})
