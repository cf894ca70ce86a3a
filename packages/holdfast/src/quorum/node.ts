import type { LocalClock } from '../base/clock.js'
import { HoldfastError } from '../base/errors.js'
import { events } from '../base/events.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import type { Port, Reply, Script, SubscriptionEvents, Subscription } from '../clients/port.js'
import { slotOf, type NameKeys } from '../kernel/names.js'
import { BATCH, decode, PROTOCOL, type NotAfter, type Verdict } from '../kernel/protocol.js'
import { scripts } from '../kernel/scripts.gen.js'
import { classify } from './replies.js'
import { Samples } from './samples.js'

/** One item's verdict, and when it was asked for and given. */
export interface Answer {
  readonly verdict: Verdict
  /** The item as the client decoded it: for replies with lists. */
  readonly raw: readonly Reply[]
  /** Local times. */
  readonly sent: number
  readonly received: number
  /** Server ms, and which run of the server. */
  readonly now: number
  readonly run: string
}

/** Called at the moment of sending; null when nobody wants it any more: then it is not sent. */
export type Fields = (notAfter: NotAfter) => readonly string[] | null

interface Item {
  readonly keys: NameKeys
  readonly fields: Fields
  readonly timeout: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: HoldfastError) => void
}

const NO_LIMIT: NotAfter = { ms: '', run: '' }

/** The ops that take names, and whether they carry `notAfter` and so need a sample first. */
const OPS = { acquire: true, renew: true, release: false, inspect: false, force: false } as const
export type Op = keyof typeof OPS

/**
 * One server: operations sent, each with a time limit of its own, and what is known of its clock.
 * What several callers ask in one turn of the event loop travels in one script call; every item has
 * its own verdict. Floor `quorum`: a single node is a quorum of one.
 */
export class Node {
  readonly #port: Port
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #drift: number
  readonly #runs = new Map<string, Samples>()
  readonly #pending = new Map<string, Item[]>()
  #run: string | null = null
  readonly #greetings = new Map<number, Promise<void>>()

  constructor(port: Port, clock: LocalClock, runtime: Runtime, drift: number) {
    this.#port = port
    this.#clock = clock
    this.#runtime = runtime
    this.#drift = drift
    clock.onJump(() => {
      for (const samples of this.#runs.values()) samples.clear()
    })
  }

  /**
   * Asks for one name. With other items of this turn it travels in one call.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG. An error does not say whether the server has carried it out.
   */
  ask(op: Op, keys: NameKeys, timeout: number, fields: Fields): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // A batch has one time limit: with a longer one a short lease would hear of a failure too late.
      const batch = `${op} ${timeout} ${this.#port.cluster ? slotOf(keys[0]) : ''}`
      const items = this.#pending.get(batch)
      const item: Item = { keys, fields, timeout, resolve, reject }
      if (items) {
        items.push(item)
        return
      }
      this.#pending.set(batch, [item])
      queueMicrotask(() => {
        const all = this.#pending.get(batch)!
        this.#pending.delete(batch)
        for (let i = 0; i < all.length; i += BATCH) void this.#send(op, all.slice(i, i + BATCH))
      })
    })
  }

  async #send(op: Op, items: readonly Item[]): Promise<void> {
    // The same for all, and for everything that it takes: ready, hello, call.
    const { timeout } = items[0]!
    const end = this.#clock.now() + timeout
    const left = (): number => Math.max(1, Math.ceil(end - this.#clock.now()))
    let sending: readonly Item[] = items
    try {
      // Nothing is awaited for its own sake: each turn of the loop is a part of a hand-over's time.
      const hello = OPS[op] ? this.#sampled(left()) : undefined
      if (hello) await hello
      const ready = this.#ready(left())
      if (ready) await ready
      // From here to the write nothing is awaited: a release that is asked for later cannot overtake.
      const args: string[] = []
      sending = items.filter((item) => {
        const fields = item.fields(OPS[op] ? this.#limit(left()) : NO_LIMIT)
        if (fields) args.push(...fields)
        else item.reject(new HoldfastError('ERR_UNAVAILABLE', 'not sent: nobody waits for it'))
        return fields !== null
      })
      if (sending.length === 0) return
      const keys = sending.flatMap((item) => item.keys)
      const reply = await this.#call(scripts[op], keys, args, left())
      sending.forEach((item, i) => {
        const raw = reply.items[i] ?? ['error', 'the reply has no item for this name']
        const { sent, received, now, run } = reply
        item.resolve({ raw, verdict: raw.map(String), sent, received, now, run })
      })
    } catch (error) {
      for (const item of sending) item.reject(classify(error, this.#port.kind))
    }
  }

  /** The first request to a server run, or the first after a long silence, is a hello. */
  #sampled(timeout: number): Promise<void> | undefined {
    return this.#bounds(this.#clock.now()).low === -Infinity ? this.hello(timeout) : undefined
  }

  /** The server time past which a request that is sent now is not to be carried out. */
  #limit(timeout: number): NotAfter {
    const at = this.#clock.now()
    // A jump of the local clock may just have dropped the samples: then nothing is carried out.
    const low = Math.max(this.#bounds(at).low, -Number.MAX_SAFE_INTEGER)
    return { ms: String(Math.max(0, Math.floor(at + timeout + low))), run: this.#run ?? '' }
  }

  #bounds(at: number): { low: number; high: number } {
    const samples = this.#run === null ? undefined : this.#runs.get(this.#run)
    return samples?.bounds(at) ?? { low: -Infinity, high: Infinity }
  }

  /** Takes a sample of the server's clock; several callers share one. */
  hello(timeout: number): Promise<void> {
    let greeting = this.#greetings.get(timeout)
    if (!greeting) {
      greeting = this.#greet(timeout).finally(() => this.#greetings.delete(timeout))
      this.#greetings.set(timeout, greeting)
    }
    return greeting
  }

  async #greet(timeout: number): Promise<void> {
    const end = this.#clock.now() + timeout
    await this.#ready(timeout)
    await this.#call(scripts.hello, [], [], Math.max(1, Math.ceil(end - this.#clock.now())))
  }

  /** One step of a SCAN over K. */
  async scan(cursor: string, pattern: string, count: number, timeout: number): Promise<string[]> {
    try {
      await this.#ready(timeout)
      const args = [cursor, pattern, String(count)]
      const { items } = await this.#call(scripts.list, [], args, timeout)
      return (items[0] ?? ['0']).map(String)
    } catch (error) {
      throw classify(error, this.#port.kind)
    }
  }

  async #call(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    timeout: number,
  ): Promise<ReturnType<typeof decode> & { sent: number; received: number }> {
    const sent = this.#clock.now()
    const running = this.#port.run(script, keys, [PROTOCOL, ...args])
    const reply = decode(
      await inTime(this.#runtime, running, timeout, () => {
        throw new HoldfastError('ERR_UNAVAILABLE', `the server did not answer within ${timeout} ms`)
      }),
    )
    const received = this.#clock.now()
    this.#samples(reply.run).add(sent, received, reply.now)
    this.#run = reply.run
    if (reply.pushFailure) events.pushFailed({ message: reply.pushFailure })
    return { ...reply, sent, received }
  }

  /** A client that is not ready would keep the request and send it when nobody waits any more. */
  #ready(timeout: number): Promise<void> | undefined {
    if (this.#port.ready) return undefined
    return new Promise((resolve, reject) => {
      const stop = this.#port.onReady(() => {
        timer.cancel()
        resolve()
      })
      const timer = this.#runtime.setTimer(
        () => {
          stop()
          const message = `the ${this.#port.kind} client is not ready (not connected for ${timeout} ms)`
          reject(new HoldfastError('ERR_UNAVAILABLE', message))
        },
        timeout,
        true,
      )
    })
  }

  #samples(run: string): Samples {
    let samples = this.#runs.get(run)
    if (!samples) {
      // Runs end; a few of them are enough for failovers and clusters.
      if (this.#runs.size >= 64) this.#runs.clear()
      samples = new Samples(run, this.#drift)
      this.#runs.set(run, samples)
    }
    return samples
  }

  /**
   * A message of this server that arrived at `received`: the latest that its clock can be ahead of
   * ours, or null when that is not known for this run, or the message contradicts it.
   */
  latestOffset(run: string, received: number, serverTime: number): number | null {
    const samples = run === '' ? undefined : this.#runs.get(run)
    if (!samples?.addPush(received, serverTime)) return null
    const { high } = samples.bounds(received)
    return high === Infinity ? null : high
  }

  subscribe(channel: string, listener: SubscriptionEvents): Promise<Subscription> {
    return this.#port.subscribe(channel, listener)
  }

  close(): Promise<void> {
    return this.#port.close()
  }
}
