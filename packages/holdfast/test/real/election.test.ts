import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Leader, Leadership } from '../../src/index.js'
import { engines, until, World } from './kit.js'
import { Process } from './process.js'

const NAME = 'scheduler'

describe.each(engines)('elections, on %s', (engine) => {
  let world: World
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(() => world.clean())
  afterAll(async () => {
    await Process.killAll()
    await world.stop()
  })

  test('five clients: one leader at a time, each once, and an observer sees them all', async () => {
    const seen: (Leader | null)[] = []
    const observer = world.locks()
    const loop = (async () => {
      for await (const leader of observer.election(NAME).observe()) seen.push(leader)
    })()
    await until(() => expect(seen).toEqual([null]))
    let leaders = 0
    const reigns: string[] = []
    const stop = new AbortController()
    const campaigns = Array.from({ length: 5 }, async () => {
      const election = world.locks().election(NAME, { ttl: 2000 })
      for (let times = 0; times < 4; times++) {
        const leader = await election.campaign({ signal: stop.signal })
        expect(++leaders).toBe(1)
        reigns.push(leader.owner)
        await sleep(5)
        leaders--
        await leader.resign()
      }
    })
    await Promise.all(campaigns)
    await until(() => expect(seen.at(-1)).toBeNull())
    const owners = seen.flatMap((leader) => (leader ? [leader.owner] : []))
    expect(owners).toEqual(reigns)
    expect(new Set(owners).size).toBe(20)
    expect(await world.keys()).toEqual([])
    await observer.close()
    await loop
  })

  test('resign hands over with one command; the elections add one for each announcement', async () => {
    const [a, b] = [world.locks(), world.locks()] as const
    const first = await a.election(NAME).campaign()
    const wait = b.election(NAME).campaign()
    await until(async () => expect((await a.inspect(NAME)).waiterCount).toBe(1))
    let next: Leadership | undefined
    const cost = await world.during(async () => {
      await first.resign()
      next = await wait
      await sleep(50)
    })
    // The release; then the one who resigned and the one who was elected announce it. Three
    // messages: the grant, and the two announcements.
    expect(cost).toMatchObject({ evalsha: 3, publish: 3, subscribe: 0 })
    expect(next!.isLeader).toBe(true)
  })

  test('a leader whose process is killed is replaced when its lease is over, and seen to go', async () => {
    const [dead] = (await Process.start(1, world.server.url)) as [Process]
    const ttl = 1500
    await dead.ask('acquire', { name: NAME, options: { ttl } })
    const seen: (string | null)[] = []
    const locks = world.locks()
    const loop = locks.election(NAME).observe()
    seen.push((await loop.next()).value?.owner ?? null)
    const candidate = world.locks().election(NAME, { ttl }).campaign()
    await until(async () => expect((await locks.inspect(NAME)).waiterCount).toBe(1))
    await Process.killAll()
    const leader = await candidate
    for (;;) {
      const { value } = await loop.next()
      seen.push(value?.owner ?? null)
      if (value?.owner === leader.owner) break
    }
    expect(seen[0]).not.toBeNull()
    expect(seen.at(-1)).toBe(leader.owner)
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('observers cost no command while nothing happens', async () => {
    const leader = await world.locks().election(NAME, { ttl: 30_000 }).campaign()
    const observers = Array.from({ length: 10 }, () => world.locks().election(NAME).observe())
    await Promise.all(observers.map((one) => one.next()))
    const idle = observers.map((one) => one.next())
    expect(await world.during(() => sleep(1500))).toEqual({
      evalsha: 0,
      eval: 0,
      publish: 0,
      subscribe: 0,
    })
    const told = await world.during(async () => {
      await leader.resign()
      await Promise.all(idle)
    })
    expect(told).toMatchObject({ evalsha: 2, publish: 1 })
  })

  test('a renewal keeps the record of one who leads for long', async () => {
    const locks = world.locks({ label: 'a' })
    const lock = await locks.mutex(NAME, { ttl: 30_000 }).acquire()
    const fence = `{lock:${NAME}}:hf:fence:lock:${NAME}`
    const text = (await world.admin.get(fence))!
    await world.admin.set(fence, text, 'PX', 60_000)
    // To a later end: within the millisecond of the grant a renewal to the same ttl prolongs nothing.
    await lock.extend(31_000)
    expect(await world.admin.pttl(fence)).toBeGreaterThan(590_000)
    await lock.release()
  })

  test('a loop that ends leaves no subscription', async () => {
    const locks = world.locks()
    const channels = async (): Promise<unknown> => world.admin.pubsub('CHANNELS', 'lock:election:*')
    for await (const leader of locks.election(NAME).observe()) {
      expect(leader).toBeNull()
      expect(await channels()).toHaveLength(1)
      break
    }
    await until(async () => expect(await channels()).toEqual([]))
  })
})
