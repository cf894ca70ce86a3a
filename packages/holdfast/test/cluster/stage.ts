import { expect } from 'vitest'
import { Holdfast, type HoldfastOptions, type Mutex } from '../../src/index.js'
import { LONG, nodeTimeout, type Scene } from '../faults/stage.js'
import { TestCluster, type ClusterNode, type StartClusterOptions } from '../kit/cluster.js'
import { until } from '../real/kit.js'

/** A cluster of its own for one cell, in which one primary has the name `a`. */
export class ClusterStage implements Scene {
  readonly cluster: TestCluster
  /** The primary that has the name. */
  readonly owner: ClusterNode
  /** One that has others. */
  readonly other: ClusterNode
  readonly #locks: Holdfast[] = []

  private constructor(cluster: TestCluster, owner: ClusterNode) {
    this.cluster = cluster
    this.owner = owner
    this.other = cluster.primaries.find((node) => node !== owner)!
  }

  /** Plays a scene, and ends whatever it opened. */
  static async play(
    options: StartClusterOptions,
    scene: (stage: ClusterStage) => Promise<unknown>,
  ): Promise<void> {
    await using cluster = await TestCluster.start(options)
    const stage = new ClusterStage(cluster, await cluster.ownerOf('lock:a'))
    try {
      await scene(stage)
    } finally {
      for (const locks of stage.#locks) await locks.close()
    }
  }

  far(options: HoldfastOptions = {}): Holdfast {
    return this.#make({ nodeTimeout, ...options })
  }

  near(options: HoldfastOptions = {}): Holdfast {
    return this.#make({ nodeTimeout: 5000, ...options })
  }

  #make(options: HoldfastOptions): Holdfast {
    const locks = new Holdfast(this.cluster.client(), { checkEviction: false, ...options })
    this.#locks.push(locks)
    return locks
  }

  /** A mutex whose process is connected, and knows the clock and the scripts of the name's server. */
  async warm(locks: Holdfast, ttl = LONG): Promise<Mutex> {
    // Of the same slot.
    await until(() => locks.mutex('{lock:a}warm').use(() => {}))
    return locks.mutex('a', { ttl })
  }

  queued(locks: Holdfast, count: number, name = 'a'): Promise<void> {
    return until(async () => expect((await locks.inspect(name)).waiterCount).toBe(count))
  }

  /** Each is subscribed on some primary. */
  async subscribed(count: number): Promise<void> {
    await until(async () => {
      const live = this.cluster.nodes.filter(({ admin }) => admin.status === 'ready')
      const all = live.map(({ admin }) => admin.pubsub('CHANNELS', 'lock:client:*'))
      expect((await Promise.all(all)).flat()).toHaveLength(count)
    })
  }

  async clean(): Promise<void> {
    await until(async () => expect(await this.cluster.keys()).toEqual([]))
  }
}
