import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { TestCluster, type ClusterNode } from '../kit/cluster.js'
import { clusterKinds, type Connected } from '../kit/cluster-clients.js'
import { Events, until } from '../real/kit.js'

/** Renewals that were refused because they were for another server. */
const late = (events: Events): unknown[] =>
  events.of('holdfast:jeopardy').filter(({ error }) => String(error).includes('late'))

let cluster: TestCluster
let events: Events
beforeAll(async () => {
  cluster = await TestCluster.start()
  events = new Events()
})
afterAll(async () => {
  events.stop()
  await cluster.stop()
})

describe.each(clusterKinds)('a cluster through $name', (kind) => {
  const open: { locks: Holdfast; connected: Connected }[] = []
  const locksOf = async (): Promise<Holdfast> => {
    const connected = await kind.open(cluster.seeds)
    const locks = new Holdfast(connected.client, { checkEviction: false, nodeTimeout: 500 })
    open.push({ locks, connected })
    return locks
  }
  const K = (name: string): string => `lock:${name}`
  /** A name for each primary. */
  const spread = async (prefix: string): Promise<string[]> => {
    const names = new Map<ClusterNode, string>()
    for (let i = 0; names.size < 3; i++) {
      names.set(await cluster.ownerOf(K(`${prefix}:${i}`)), `${prefix}:${i}`)
    }
    return [...names.values()]
  }
  const waiting = async (locks: Holdfast, name: string): Promise<void> => {
    await until(async () => expect((await locks.inspect(name)).waiterCount).toBe(1))
  }
  const renewed = async (owner: string, times: number): Promise<void> => {
    const of = (): unknown[] => events.of('holdfast:renewed').filter((e) => e.owner === owner)
    const before = of().length
    await until(() => expect(of().length).toBeGreaterThanOrEqual(before + times))
  }
  afterEach(async () => {
    for (const { locks, connected } of open.splice(0)) {
      await locks.close()
      connected.end()
    }
    events.seen.length = 0
  })

  test('names on every primary: held, renewed, listed, handed over by push, released', async () => {
    const [one, other] = [await locksOf(), await locksOf()]
    const names = [...(await spread('all')), '{tag}x', 'tag}', 'with space', '日本語']
    const held = await Promise.all(names.map((name) => one.mutex(name, { ttl: 1500 }).acquire()))
    await Promise.all(held.map(({ owner }) => renewed(owner, 1)))
    const listed: string[] = []
    for await (const { name } of other.list('*')) listed.push(name)
    expect(listed.toSorted()).toEqual(names.toSorted())
    for (const lock of held) {
      expect(await other.mutex(lock.name).tryAcquire()).toBeNull()
      const next = other.mutex(lock.name).acquire()
      await waiting(one, lock.name)
      await lock.release()
      const second = await next
      expect(second.fence).toBeGreaterThan(lock.fence)
      expect(await second.release()).toEqual({ released: true })
    }
    expect(events.of('holdfast:handover')).toHaveLength(names.length)
    expect(late(events)).toEqual([])
    expect(await cluster.keys()).toEqual([])
  })

  test('a slot that moves while its name is held and waited for', async () => {
    const [one, other] = [await locksOf(), await locksOf()]
    const [name = ''] = await spread('move')
    const first = await one.mutex(name, { ttl: 1500 }).acquire()
    const next = other.mutex(name).acquire()
    await waiting(one, name)
    const from = await cluster.ownerOf(K(name))
    await cluster.move(
      K(name),
      cluster.primaries.find((node) => node !== from)!,
    )
    await renewed(first.owner, 1)
    expect(events.of('holdfast:lost')).toEqual([])
    await first.release()
    const second = await next
    expect(second.fence).toBeGreaterThan(first.fence)
    await second.release()
    expect(await cluster.keys()).toEqual([])
  })

  test('a waiter whose subscription was cut is subscribed anew, and then told', async () => {
    const [one, other] = [await locksOf(), await locksOf()]
    const [name = ''] = await spread('cut')
    const first = await one.mutex(name, { ttl: 30_000 }).acquire()
    const next = other.mutex(name).acquire()
    await waiting(one, name)
    const subscribed = async (): Promise<number> => {
      const all = cluster.nodes.map(({ admin }) =>
        admin.call('PUBSUB', 'CHANNELS', 'lock:client:*'),
      )
      return (await Promise.all(all)).flat().length
    }
    expect(await subscribed()).toBe(1)
    const asked = (): number => events.of('holdfast:queued').length
    const before = asked()
    for (const { admin } of cluster.nodes) await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    // It asks as soon as messages reach it again, because some may have been lost.
    await until(() => expect(asked()).toBeGreaterThan(before))
    expect(await subscribed()).toBe(1)
    await first.release()
    await (await next).release()
    expect(events.of('holdfast:handover')).toHaveLength(1)
  })
})

test('all clients contend for a name whose slot moves to and fro: the counter comes out right', async () => {
  const name = 'together'
  const all = await Promise.all(clusterKinds.map((kind) => kind.open(cluster.seeds)))
  const locks = all.map(({ client }) => new Holdfast(client, { checkEviction: false }))
  let counter = 0
  let over = false
  const tokens: number[] = []
  const work = async (one: Holdfast): Promise<void> => {
    for (let i = 0; i < 12; i++) {
      await one.mutex(name, { ttl: 5000, wait: 60_000 }).use(async ({ fence }) => {
        const before = counter
        tokens.push(fence)
        await sleep(2)
        counter = before + 1
      })
    }
  }
  const shuffle = async (): Promise<number> => {
    let moves = 0
    for (; !over; moves++) {
      const from = await cluster.ownerOf(`lock:${name}`)
      await cluster.move(
        `lock:${name}`,
        cluster.primaries.find((node) => node !== from)!,
      )
      await sleep(20)
    }
    return moves
  }
  const moving = shuffle()
  try {
    await Promise.all(locks.map(work))
  } finally {
    over = true
  }
  expect(await moving).toBeGreaterThan(4)
  expect(counter).toBe(12 * clusterKinds.length)
  expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
  expect(new Set(tokens).size).toBe(counter)
  await Promise.all(locks.map((one) => one.close()))
  for (const { end } of all) end()
  await until(async () => expect(await cluster.keys()).toEqual([]))
})
