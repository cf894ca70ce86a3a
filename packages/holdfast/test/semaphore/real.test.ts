// Permits on real servers: never more than the limit, and what it costs.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Holdfast, Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { channelOf } from '../../src/kernel/protocol.js'
import { engines, Messages, refusal, until, World } from '../real/kit.js'
import { Process } from '../real/process.js'

const [, , , shared, meta] = keysOf('x', 'lock:')
const owner = (i: number): string => `${'d'.repeat(32)}.${i}`

describe.each(engines)('permits, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(async () => {
    await Process.killAll()
    await world.stop()
  })

  const waiting = (locks: Holdfast, count: number): Promise<void> =>
    until(async () => expect((await locks.inspect('x')).waiterCount).toBe(count))

  test('processes that take few and many, and give up: never more than the limit', async () => {
    const processes = await Process.start(4, world.server.url)
    const asked = { name: 'x', limit: 7, most: 5, times: 60, options: { wait: 60_000 } }
    const all = await Promise.all(processes.map((one) => one.ask('permits', asked)))
    const highest = Math.max(...all.map((one) => one.highest))
    expect(highest).toBeLessThanOrEqual(7)
    expect(highest).toBeGreaterThan(4)
    expect(await world.admin.get('used')).toBe('0')
    expect(await world.keys()).toEqual(['used'])
    await Process.killAll()
  }, 60_000)

  test('of a killed process the permits end by themselves, and those of others stay', async () => {
    const [dead] = (await Process.start(1, world.server.url)) as [Process]
    const options = { limit: 5, ttl: 700, claim: 300 }
    const work = dead.ask('permits', { name: 'x', limit: 5, most: 3, times: 100, options })
    const ended = refusal(work)
    await until(async () => expect(Number(await world.admin.get('used'))).toBeGreaterThan(0))
    await dead.kill()
    void ended
    const locks = world.locks()
    const semaphore = locks.semaphore('x', options)
    const held: Lock[] = []
    for (let i = 0; i < 5; i++) held.push(await semaphore.acquire({ wait: 10_000 }))
    expect(await semaphore.available()).toMatchObject({ used: 5, waiting: 0 })
    expect(await semaphore.tryAcquire()).toBeNull()
    await sleep(1500)
    for (const lock of held) lock.assertHeld()
    for (const lock of held) expect(await lock.release()).toEqual({ released: true })
  })

  test('one command to take several, one to release them; one to be refused', async () => {
    const semaphore = world.locks().semaphore('x', { limit: 5 })
    await semaphore.use(() => {})
    const cost = await world.during(() => semaphore.use(() => {}, { permits: 4 }))
    expect(cost).toEqual({ evalsha: 2, eval: 0, publish: 0, subscribe: 0 })
    const held = await semaphore.acquire({ permits: 4 })
    const refused = await world.during(() => semaphore.tryAcquire({ permits: 2 }))
    expect(refused).toEqual({ evalsha: 1, eval: 0, publish: 0, subscribe: 0 })
    const asked = await world.during(() => semaphore.available())
    expect(asked).toEqual({ evalsha: 1, eval: 0, publish: 0, subscribe: 0 })
    await held.release()
  })

  test('a release of three: one command, and one message for each who fits', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const options = { limit: 5 }
    const two = await a.semaphore('x', options).acquire({ permits: 2 })
    const three = await a.semaphore('x', options).acquire({ permits: 3 })
    const all: Promise<Lock>[] = []
    for (const permits of [1, 2, 1]) {
      all.push(b.semaphore('x', options).acquire({ permits }))
      await waiting(a, all.length)
    }
    const messages = await Messages.listen(world)
    const cost = await world.during(async () => {
      await three.release()
      await Promise.all(all.slice(0, 2))
    })
    // The third is told that it is first, and until when it has to wait.
    expect(cost).toMatchObject({ evalsha: 1, publish: 3 })
    expect(await messages.owners('grant')).toEqual(
      (await Promise.all(all.slice(0, 2))).map((one) => one.owner),
    )
    const next = await world.during(async () => {
      await two.release()
      await all[2]
    })
    expect(next).toMatchObject({ evalsha: 1, publish: 1 })
  })

  test('20,000 expired permits: no error, nobody is kept out, and a bounded part is removed a call', async () => {
    const locks = world.locks()
    const semaphore = locks.semaphore('x', { limit: 10 })
    await semaphore.use(() => {})
    const live = await semaphore.acquire()
    const many = world.admin.pipeline()
    for (let i = 0; i < 20_000; i++) {
      many.zadd(shared, 1000 + i, owner(i))
      many.hset(meta, owner(i), `p 1 1000 1000 - ${i + 1} 1000 0 []`)
    }
    await many.exec()
    expect(await semaphore.available()).toEqual({ limit: 10, used: 1, available: 9, waiting: 0 })
    const nine = await semaphore.acquire({ wait: 0, permits: 9 })
    const left = await world.admin.zcard(shared)
    expect(left).toBeLessThan(20_010)
    expect(left).toBeGreaterThan(20_010 - 100)
    expect(await semaphore.tryAcquire()).toBeNull()
    expect((await locks.inspect('x')).holders.map(({ permits }) => permits)).toEqual([1, 9])
    const waiter = locks.semaphore('x', { limit: 10 }).acquire({ permits: 9 })
    await waiting(locks, 1)
    await nine.release()
    await (await waiter).release()
    await live.release()
    expect(await world.keys()).toEqual([])
  })

  test('inspect, list and forceRelease see holders with their permits', async () => {
    const [a, b] = [world.locks({ label: 'a' }), world.locks({ label: 'b' })]
    const options = { limit: 5 }
    const first = await a.semaphore('x', options).acquire({ permits: 3, ttl: '30s' })
    const second = await b.semaphore('x', options).acquire()
    const wait = b.semaphore('x', options).acquire({ permits: 2 })
    await waiting(a, 1)
    const state = await a.inspect('x')
    expect(state).toMatchObject({ holderCount: 2, permits: { limit: 5, used: 4 } })
    expect(state.holders).toMatchObject([
      { mode: 'permits', label: 'b', permits: 1, fence: second.fence },
      { mode: 'permits', label: 'a', permits: 3, fence: first.fence },
    ])
    expect(state.waiters).toMatchObject([{ mode: 'permits', label: 'b', permits: 2 }])
    const names: string[] = []
    for await (const { name } of a.list()) names.push(name)
    expect(names).toEqual(['x'])
    await expect(a.semaphore('x', options).acquire({ wait: 0 })).rejects.toMatchObject({
      code: 'ERR_TAKEN',
      holder: { mode: 'permits' },
    })

    const result = await a.forceRelease('x', { now: true })
    expect(result).toMatchObject({ freed: true, asked: 2 })
    const next = await wait
    await until(() => expect(second.signal.aborted).toBe(true))
    await expect(first.verify()).rejects.toMatchObject({ code: 'ERR_LOST' })
    expect(await a.semaphore('x', options).available()).toMatchObject({ used: 2 })
    await next.release()
  })

  test('forced without now: withheld until the holders let go', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const options = { limit: 3, ttl: 3000 }
    const held = [
      await a.semaphore('x', options).acquire({ permits: 2 }),
      await a.semaphore('x', options).acquire(),
    ]
    const wait = b.semaphore('x', options).acquire({ permits: 3 })
    await waiting(b, 1)
    expect(await b.forceRelease('x')).toMatchObject({ freed: false, asked: 2 })
    const next = await wait
    expect(held.map(({ signal }) => signal.aborted)).toEqual([true, true])
    await next.release()
  })

  test('1000 permits of one holder: taken, renewed, released', async () => {
    const locks = world.locks()
    const semaphore = locks.semaphore('x', { limit: 1000, ttl: 1000 })
    const lock = await semaphore.acquire({ permits: 1000 })
    await sleep(1500)
    expect(await semaphore.available()).toMatchObject({ used: 1000 })
    expect(await semaphore.tryAcquire()).toBeNull()
    expect(await lock.release()).toEqual({ released: true })
    expect(await world.keys()).toEqual([])
  })

  test('a waiter whose grant comes by a message has the channel of its own client', async () => {
    const [a, b] = [world.locks(), world.locks()]
    const lock = await a.semaphore('x', { limit: 1 }).acquire()
    const wait = b.semaphore('x', { limit: 1 }).acquire()
    await waiting(a, 1)
    const { waiters } = await a.inspect('x')
    const channel = channelOf(waiters[0]!.owner!.split('.')[0]!)
    expect(await world.admin.pubsub('NUMSUB', channel)).toEqual([channel, 1])
    await lock.release()
    await (await wait).release()
  })
})
