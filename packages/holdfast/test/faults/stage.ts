import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { Holdfast, type HoldfastOptions, type Lock, type Mutex } from '../../src/index.js'
import type { ServerEngine } from '../../src/testing/index.js'
import type { Kind } from '../clients/kinds.js'
import { Nemesis } from '../kit/nemesis.js'
import { FaultProxy } from '../kit/proxy.js'
import { until } from '../real/kit.js'

/** Of the far side, ms: longer than a slow machine needs for an answer, for many calls run into it. */
export const nodeTimeout = 700
/** By when the far side has its answer: the limit of one command, and what a slow machine needs. */
export const IN_TIME = nodeTimeout + 2000
/** Of the near side, which runs into none. */
const nearTimeout = 5000
/** A lease that a fault outlasts. */
export const SHORT = 900
/** A lease that outlasts every fault. */
export const LONG = 20_000
/** Of a call that must not end by its limit. */
export const PATIENT = 30_000

/** What a cell needs of where it is played. */
export type Scene = Pick<Stage, 'far' | 'near' | 'warm' | 'queued' | 'subscribed' | 'clean'>

/** A server of its own for one cell, with one way to it that can fail and one that cannot. */
export class Stage {
  /** The server that clients are led to. */
  nemesis: Nemesis
  /** The way that can fail. */
  readonly proxy: FaultProxy
  readonly #sound: FaultProxy
  /** Ended in the opposite order. */
  readonly #opened: AsyncDisposable[]
  readonly #clients: { disconnect(): void }[] = []
  readonly #locks: Holdfast[] = []

  private constructor(nemesis: Nemesis, proxy: FaultProxy, sound: FaultProxy) {
    this.nemesis = nemesis
    this.proxy = proxy
    this.#sound = sound
    this.#opened = [nemesis, proxy, sound]
  }

  /** Plays a scene, and ends whatever it opened. */
  static async play(
    engine: ServerEngine | 'any',
    args: readonly string[],
    scene: (stage: Stage) => Promise<unknown>,
  ): Promise<void> {
    const nemesis = await Nemesis.start(engine, args)
    const { server } = nemesis
    const stage = new Stage(nemesis, await FaultProxy.start(server), await FaultProxy.start(server))
    try {
      await scene(stage)
    } finally {
      await stage.#end()
    }
  }

  async #end(): Promise<void> {
    for (const locks of this.#locks) await locks.close()
    for (const client of this.#clients) client.disconnect()
    for (const one of this.#opened.toReversed()) await one[Symbol.asyncDispose]()
  }

  /** To be ended with the stage. */
  own<T extends AsyncDisposable>(one: T): T {
    this.#opened.push(one)
    return one
  }

  /** A failover: clients are led to another server from now on, all or only those of the far side. */
  moveTo(nemesis: Nemesis, ...all: ['far'] | []): void {
    this.nemesis = nemesis
    for (const proxy of all.length > 0 ? [this.proxy] : [this.proxy, this.#sound]) {
      proxy.target = nemesis.server
      proxy.cut()
    }
  }

  /** A process whose network fails. */
  far(options: HoldfastOptions = {}): Holdfast {
    return this.#make(this.proxy.port, { nodeTimeout, ...options })
  }

  /** A process with a sound network: the second client, which checks the first. */
  near(options: HoldfastOptions = {}): Holdfast {
    return this.#make(this.#sound.port, { nodeTimeout: nearTimeout, ...options })
  }

  /** As `far`, with a client of this kind. */
  async farBy(kind: Kind): Promise<Holdfast> {
    const made = await kind.make(this.proxy.url)
    await made.connect()
    this.#clients.push({ disconnect: made.end })
    const locks = new Holdfast(made.port, { nodeTimeout, localHandovers: 0 })
    this.#locks.push(locks)
    return locks
  }

  #make(port: number, options: HoldfastOptions): Holdfast {
    // A server that loads says how long it expects to, which it does not know at first; ioredis believes it.
    const soon = { retryStrategy: () => 30, maxLoadingRetryTime: 100 }
    const client = new Redis({ host: '127.0.0.1', port, ...soon })
    client.on('error', () => {})
    this.#clients.push(client)
    const locks = new Holdfast(client, { localHandovers: 0, ...options })
    this.#locks.push(locks)
    return locks
  }

  /** A mutex whose process is connected, and knows the server's clock and its scripts. */
  async warm(locks: Holdfast, ttl = LONG): Promise<Mutex> {
    await until(() => locks.mutex('warm').use(() => {}))
    return locks.mutex('a', { ttl })
  }

  /** Until so many stand in line for the name. */
  queued(locks: Holdfast, count: number, name = 'a'): Promise<void> {
    return until(async () => expect((await locks.inspect(name)).waiterCount).toBe(count))
  }

  /** Until so many processes are subscribed to what waiters are told. */
  async subscribed(count: number): Promise<void> {
    await until(async () =>
      expect(await this.nemesis.admin.pubsub('CHANNELS', 'lock:client:*')).toHaveLength(count),
    )
  }

  /**
   * Until a process has waited for a name and was given it: by then it hears messages. That a server counts it
   * as subscribed says less, for that may be a connection which the client is about to give up.
   */
  async hears(locks: Holdfast): Promise<void> {
    const near = this.near()
    const first = await near.mutex('heard', { ttl: LONG }).acquire()
    const second = locks.mutex('heard', { ttl: LONG }).acquire({ wait: PATIENT })
    second.catch(() => {})
    await this.queued(near, 1, 'heard')
    await first.release()
    await (await second).release()
  }

  /** All keys but fences. */
  async left(): Promise<string[]> {
    const keys = await this.nemesis.admin.keys('*')
    return keys.filter((key) => !key.includes(':hf:fence:')).toSorted()
  }

  /** Nothing is left of the name, long before a long lease would have ended. */
  async clean(): Promise<void> {
    await until(async () => expect(await this.left()).toEqual([]))
  }
}

/** Whether this process believes that it holds the name. */
export const believes = (lock: Lock): boolean => lock.validFor > 0 && !lock.signal.aborted
