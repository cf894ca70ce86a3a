// Several names on a real server: what it costs, and what several processes do with it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { engines, until, World } from '../real/kit.js'
import { Process } from '../real/process.js'

describe.each(engines)('%s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(async () => {
    await Process.killAll()
    await world.stop()
  })

  const many = Array.from({ length: 100 }, (_, i) => `n${i}`)

  test('one command to take, one to renew and one to release, whatever the number of names', async () => {
    const locks = world.locks({ checkEviction: false })
    await locks.all(['warm', 'up']).use((set) => set.verify())
    for (const names of [['a'], ['a', 'b', 'c'], many]) {
      const counts = await world.during(async () => {
        const set = await locks.all(names).acquire()
        await set.verify()
        expect(await set.release()).toEqual({ released: true })
      })
      expect(counts).toEqual({ evalsha: 3, eval: 0, publish: 0, subscribe: 0 })
    }
    expect(await world.keys()).toEqual([])
  })

  test('names with leases of different lengths travel together', async () => {
    const locks = world.locks({ checkEviction: false })
    await locks.all(['warm', 'up']).use((set) => set.verify())
    const counts = await world.during(async () => {
      const short = locks.mutex('a', { ttl: 700 })
      const set = await locks.all([short, 'b', locks.readWrite('c').read()]).acquire()
      await set.verify()
      await set.release()
    })
    expect(counts.evalsha).toBe(3)
  })

  test('one command to be refused', async () => {
    const [a, b] = [world.locks({ checkEviction: false }), world.locks({ checkEviction: false })]
    await b.all(['warm', 'up']).use(() => undefined)
    const lock = await a.mutex('n50').acquire()
    const counts = await world.during(async () => expect(await b.all(many).tryAcquire()).toBe(null))
    expect(counts).toEqual({ evalsha: 1, eval: 0, publish: 0, subscribe: 0 })
    await lock.release()
    expect(await world.keys()).toEqual([])
  })

  test.each([
    { renew: true, ttl: 10_000 },
    { renew: false, ttl: 60_000 },
  ])('a hand-over: the release, one message, and one command for the rest, %j', async (options) => {
    const [a, b] = [world.locks({ checkEviction: false }), world.locks({ checkEviction: false })]
    const warm = await a.mutex('warm').acquire()
    const first = b.mutex('warm').use(() => undefined)
    await until(async () => expect((await a.inspect('warm')).waiterCount).toBe(1))
    await warm.release()
    await first
    await b.all(['warm', 'up']).use(() => undefined)
    const held = await a.all(['a', 'b', 'c']).acquire()
    const before = await world.counts()
    const waiting = b.all(['c', 'b', 'a'], options).acquire()
    // Its place: one command says that it lacks a, one stands in line.
    await until(async () => expect((await world.since(before)).evalsha).toBe(2))
    await held.release()
    const set = await waiting
    expect(await world.since(before)).toEqual({ evalsha: 4, eval: 0, publish: 1, subscribe: 0 })
    await set.release()
    expect(await world.keys()).toEqual([])
  })

  test('processes that take pairs of a ring of names, in any order, never meet', async () => {
    const processes = await Process.start(4, world.server.url)
    const work = processes.map((one) => one.ask('pairs', { names: ['a', 'b', 'c'], times: 15 }))
    const counts = await Promise.all(work)
    expect(counts.flat()).toHaveLength(60)
    for (const name of ['a', 'b', 'c']) {
      // Each added one to the counters of both of its names, as only exclusion makes right.
      const times = counts.flat().filter((pair) => pair.includes(name)).length
      expect(Number(await world.admin.get(`counter:${name}`))).toBe(times)
      await world.admin.del(`counter:${name}`)
    }
    await Process.killAll()
    expect(await world.keys()).toEqual([])
  })
})
