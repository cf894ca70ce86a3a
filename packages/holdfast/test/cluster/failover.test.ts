import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast, type HoldfastOptions } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import type { ServerEngine } from '../../src/testing/index.js'
import { TestCluster, type ClusterNode, type StartClusterOptions } from '../kit/cluster.js'
import { engines, Events, refusal, until } from '../real/kit.js'

const K = (name: string): string => `lock:${name}`
const LINE = (name: string): string => keysOf(name, 'lock:')[2]

let events: Events
beforeAll(() => {
  events = new Events()
})
afterAll(() => events.stop())

/** A cluster of a test's own: they wait for failovers, and can do that together. */
class Stage {
  readonly cluster: TestCluster
  readonly #open: Holdfast[] = []

  private constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  static async start(options: StartClusterOptions): Promise<Stage> {
    return new Stage(await TestCluster.start(options))
  }

  node(i: number): ClusterNode {
    return this.cluster.nodes[i]!
  }

  locks(options: HoldfastOptions = {}): Holdfast {
    const locks = new Holdfast(this.cluster.client(), { checkEviction: false, ...options })
    this.#open.push(locks)
    return locks
  }

  /** A name of this primary's. */
  async nameOn(at: number): Promise<string> {
    for (let i = 0; ; i++) {
      if ((await this.cluster.ownerOf(K(`name:${i}`))) === this.node(at)) return `name:${i}`
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((locks) => locks.close()))
    await this.cluster.stop()
  }
}

const renewals = (owner: string): number =>
  events.of('holdfast:renewed').filter((event) => event.owner === owner).length
const renewedAgain = async (owner: string, times = 1): Promise<void> => {
  const before = renewals(owner)
  await until(() => expect(renewals(owner)).toBeGreaterThanOrEqual(before + times), 15_000)
}
const lost = (...owners: string[]): unknown[] =>
  events.of('holdfast:lost').filter(({ owner }) => owners.includes(owner))

describe.concurrent.each(engines as ServerEngine[])('a primary that dies, %s', (engine) => {
  test('without a replica: its names are lost in time and out of reach, the others go on', async () => {
    // As it is set where one lost shard must not stop the others.
    const args = ['--cluster-require-full-coverage', 'no']
    await using stage = await Stage.start({ engine, args })
    const { cluster } = stage
    const [one, other] = [stage.locks(), stage.locks()]
    const [there, elsewhere] = [await stage.nameOn(0), await stage.nameOn(1)]
    const gone = await one.mutex(there, { ttl: 900 }).acquire()
    const kept = await one.mutex(elsewhere, { ttl: 900 }).acquire()
    await renewedAgain(gone.owner)
    const waiting = other.mutex(there, { wait: 60_000 }).acquire()
    await until(async () => expect((await one.inspect(there)).waiterCount).toBe(1))

    await stage.node(0).server.kill()
    await until(() => expect(gone.signal.aborted).toBe(true))
    expect(gone.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
    const trying = refusal(one.mutex(there).tryAcquire())
    expect(await trying).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    expect(await refusal(one.inspect(there))).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await renewedAgain(kept.owner, 4)
    expect(kept.signal.aborted).toBe(false)

    // It comes back without its data.
    await stage.node(0).server.restart()
    await cluster.settled()
    const next = await waiting
    expect(next.fence).toBeGreaterThan(gone.fence)
    await next.release()
    await kept.release()
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test('with a replica that had everything: holder and waiter go on with it', async () => {
    await using stage = await Stage.start({ engine, replicas: 1 })
    const { cluster } = stage
    const [one, other] = [stage.locks(), stage.locks()]
    const name = await stage.nameOn(0)
    const first = await one.mutex(name, { ttl: 12_000 }).acquire()
    const waiting = other.mutex(name, { wait: 60_000 }).acquire()
    const replica = stage.node(3)
    await replica.admin.call('READONLY')
    await until(async () => expect(await replica.admin.zcard(LINE(name))).toBe(1))

    await stage.node(0).server.kill()
    await renewedAgain(first.owner)
    expect(await cluster.ownerOf(K(name), replica)).toBe(replica)
    expect(first.signal.aborted).toBe(false)
    await first.release()
    const second = await waiting
    expect(second.fence).toBeGreaterThan(first.fence)
    expect(lost(first.owner, second.owner)).toEqual([])
    await second.release()
    await stage.node(0).server.restart()
    await cluster.settled()
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test('a planned failover: nobody notices but the counters', async () => {
    await using stage = await Stage.start({ engine, replicas: 1 })
    const { cluster } = stage
    const [one, other] = [stage.locks(), stage.locks()]
    const name = await stage.nameOn(0)
    const first = await one.mutex(name, { ttl: 6000 }).acquire()
    const waiting = other.mutex(name, { wait: 60_000 }).acquire()
    await until(async () => expect((await one.inspect(name)).waiterCount).toBe(1))
    await stage.node(3).admin.call('CLUSTER', 'FAILOVER')
    await until(async () => expect(await cluster.ownerOf(K(name))).toBe(stage.node(3)))
    await renewedAgain(first.owner, 2)
    await first.release()
    const second = await waiting
    expect(second.fence).toBeGreaterThan(first.fence)
    expect(lost(first.owner, second.owner)).toEqual([])
    await second.release()
    await until(async () => expect(await cluster.keys()).toEqual([]))
  })

  test('with a replica that lacked the lock: two believe in it until the first asks; tokens rise', async () => {
    await using stage = await Stage.start({ engine, replicas: 1 })
    const [one, other] = [stage.locks(), stage.locks()]
    const name = await stage.nameOn(1)
    const [primary, replica] = [stage.node(1), stage.node(4)]
    // The replica hears no more of its primary, which still takes writes.
    await primary.admin.call('ACL', 'SETUSER', 'default', '-psync', '-sync')
    await primary.admin.call('CLIENT', 'KILL', 'TYPE', 'replica')
    const first = await one.mutex(name, { ttl: 15_000 }).acquire()

    await primary.server.kill()
    const second = await other.mutex(name, { ttl: 30_000, wait: 60_000 }).acquire()
    expect(await stage.cluster.ownerOf(K(name), replica)).toBe(replica)
    expect(second.fence).toBeGreaterThan(first.fence)
    // That is what a failover may lose. The first one hears of it when it asks.
    await until(() => expect(first.signal.aborted).toBe(true))
    expect(first.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
    expect(second.signal.aborted).toBe(false)
    await second.release()
  })
})
