import type { LocalClock } from '../base/clock.js'
import { HoldfastError } from '../base/errors.js'
import { events } from '../base/events.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import type {
  Port,
  Reply,
  Script,
  PortNode,
  SubscriptionEvents,
  Subscription,
} from '../clients/port.js'
import { keysAt, slotOf } from '../kernel/names.js'
import {
  decode,
  packed,
  PROTOCOL,
  type Decoded,
  type NotAfter,
  type Verdict,
} from '../kernel/protocol.js'
import { scripts } from '../kernel/scripts.gen.js'
import { Acknowledged, counted } from './acknowledged.js'
import { Batches } from './batches.js'
import { Greetings } from './greetings.js'
import type { Aside, Nodes } from './nodes.js'
import { MARKER_KEY, OPS, quarantined, unanswered, type Guard, type Op } from './ops.js'
import { Ready } from './ready.js'
import { classify } from './replies.js'
import { Routes } from './routes.js'
import { Runs } from './runs.js'
import { begin, stepOf, type Cursors, type ScanStep } from './servers.js'

/** One item's verdict, and when it was asked for and given. */
export interface Answer {
  readonly verdict: Verdict
  /** The item as the client decoded it: for replies with lists. */
  readonly raw: readonly Reply[]
  /** Local times. */
  readonly sent: number
  readonly received: number
  /** Server ms, and which run of the server. NaN and empty of a release for which the server looked at neither. */
  readonly now: number
  readonly run: string
  /** How many replicas have acknowledged what was written; missing where none were asked for. */
  readonly replicas?: number
}

export type { Cursors, ScanStep }

/** Called at the moment of sending; null when nobody wants it any more: then it is not sent. */
export type Fields = (notAfter: NotAfter) => readonly string[] | null

interface Item {
  readonly key: string
  readonly fields: Fields
  readonly timeout: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: HoldfastError) => void
}

/** A reply, and the local times of its call. */
type Told = Decoded & { readonly sent: number; readonly received: number }

const GUARDED = { guarded: true } as const

const NO_LIMIT: NotAfter = { ms: '', run: '' }

/** Where there is one server, everything is in one slot. */
const ONLY_SLOT = 0

/**
 * One server, or a cluster as one client presents it: operations sent, each with a time limit of its
 * own, and what is known of the clocks. What several callers ask in one turn of the event loop
 * travels in one script call (on a cluster in one for each slot); every item has its own verdict.
 * Floor `quorum`: a single node is a quorum of one.
 */
export class Node implements Nodes {
  readonly members: readonly Node[] = [this]
  /** How many replicas must have acknowledged what somebody is to hold. */
  readonly #replicas: number
  readonly port: Port
  /** What a guarded call says for its version; null: calls are not guarded. */
  readonly #guard: string | null
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #runs: Runs
  readonly #batches: Batches<Item>
  readonly #routes: Routes
  readonly #ready: Ready
  readonly #greetings: Greetings
  #run: string | null = null

  constructor(
    port: Port,
    clock: LocalClock,
    runtime: Runtime,
    drift: number,
    guard: Guard | null = null,
    replicas = 0,
  ) {
    this.#replicas = replicas
    this.port = port
    this.#batches = new Batches(port, (op, slot, items) => void this.#send(op, slot, items))
    this.#guard = guard && `${PROTOCOL} ${guard.epoch} ${guard.quarantine}`
    this.#clock = clock
    this.#runtime = runtime
    this.#runs = new Runs(clock, drift)
    this.#routes = new Routes(port.cluster === true)
    this.#ready = new Ready(port, runtime)
    this.#greetings = new Greetings(runtime)
  }

  /**
   * Asks for one name. With other items of this turn it travels in one call.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG. An error does not say whether the server has carried it out.
   */
  ask(op: Op, key: string, timeout: number, fields: Fields): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#batches
        .items(op, this.slot(key), timeout)
        .push({ key, fields, timeout, resolve, reject })
    })
  }

  /**
   * Asks for several names of one slot, in one call that carries nothing else.
   *
   * @param wanted each one's fields. All are called in one turn, so that all or none are wanted.
   * @throws as `ask`: an error is that of all.
   */
  together(
    op: Op,
    wanted: readonly { readonly key: string; readonly fields: Fields }[],
    timeout: number,
  ): Promise<readonly Answer[]> {
    const items = this.#batches.items(op, this.slot(wanted[0]!.key), timeout, true)
    const answers = wanted.map(
      (one) =>
        new Promise<Answer>((resolve, reject) => items.push({ ...one, timeout, resolve, reject })),
    )
    return Promise.all(answers)
  }

  /** Which names travel together: those of one slot, of a single server all. */
  slot(key: string): number {
    return this.port.cluster ? slotOf(key) : ONLY_SLOT
  }

  async #send(op: Op, slot: number, items: readonly Item[]): Promise<void> {
    const left = this.#left(items[0]!.timeout)
    let sending: readonly Item[] = items
    try {
      // Nothing is awaited for its own sake: each turn of the loop is a part of a hand-over's time.
      const hello = OPS[op] ? this.#sampled(slot, items[0]!, left) : undefined
      if (hello) await hello
      const ready = this.#ready.within(left())
      if (ready) await ready
      // From here to the write nothing is awaited: a release that is asked for later cannot overtake.
      const timeout = left()
      const notAfter = OPS[op] ? this.#limit(slot, timeout) : NO_LIMIT
      const keys: string[] = []
      const wanted: (readonly string[])[] = []
      const sent: Item[] = []
      for (const item of items) {
        const fields = item.fields(notAfter)
        if (!fields) {
          item.reject(new HoldfastError('ERR_UNAVAILABLE', 'not sent: nobody waits for it'))
          continue
        }
        sent.push(item)
        keys.push(...keysAt(item.key))
        wanted.push(fields)
      }
      sending = sent
      if (sending.length === 0) return
      const asked =
        this.#replicas > 0 && counted(op)
          ? new Acknowledged(this.port, this.#replicas, timeout)
          : null
      const how = asked ? { guarded: true, server: asked } : GUARDED
      const reply = await this.#call(scripts[op], slot, keys, packed(wanted), timeout, how)
      for (const [i, item] of sent.entries()) this.#settle(item, reply, i, asked)
    } catch (error) {
      for (const item of sending) item.reject(classify(error, this.port.kind))
    }
  }

  /** Gives an item its verdict. */
  #settle(item: Item, reply: Told, i: number, asked: Acknowledged | null): void {
    const raw = reply.items[i] ?? ['error', 'the reply has no item for this name']
    const { sent, received, now, run } = reply
    const verdict = raw.map(String)
    if (verdict[0] === 'quarantine') {
      return item.reject(quarantined(Math.max(0, Math.ceil(Number(verdict[1]) - now))))
    }
    const answer = { raw, verdict, sent, received, now, run }
    if (!asked) return item.resolve(answer)
    item.resolve({ ...answer, verdict: asked.worth(verdict), replicas: asked.replicas })
  }

  /** What is left of a time limit: one for all that a request takes, which is ready, hello, call. */
  #left(timeout: number): () => number {
    const end = this.#clock.now() + timeout
    return () => Math.max(1, Math.ceil(end - this.#clock.now()))
  }

  /** The first request to a server run, or the first after a long silence, is a hello. */
  #sampled(slot: number, item: Item, left: () => number): Promise<void> | undefined {
    if (this.#runs.bounds(this.#routes.of(slot), this.#clock.now()).low > -Infinity)
      return undefined
    // One who has little time would cut another's short.
    const where = `${this.#routes.learnt(slot) ?? slot} ${item.timeout}`
    return this.#greetings.to(where, left, () => this.#greet(slot, item.key, left))
  }

  /** The server time past which a request that is sent now is not to be carried out. */
  #limit(slot: number, timeout: number): NotAfter {
    const at = this.#clock.now()
    const run = this.#routes.of(slot)
    // A jump of the local clock may just have dropped the samples: then nothing is carried out.
    const low = Math.max(this.#runs.bounds(run, at).low, -Number.MAX_SAFE_INTEGER)
    return { ms: String(Math.max(0, Math.floor(at + timeout + low))), run: run ?? '' }
  }

  /** Takes a sample of the server's clock. */
  async #greet(slot: number, key: string, left: () => number): Promise<void> {
    await this.#ready.within(left())
    await this.#call(scripts.hello, slot, this.#way(key), [], left())
  }

  /** A key only tells a cluster's client the way. */
  #way(key: string): readonly string[] {
    return this.cluster ? [key] : []
  }

  /**
   * One step of a SCAN over K on each server that has names of its own; or over an index, if one is named.
   *
   * @param cursors as the step before returned them; null to begin.
   * @throws ERR_CONFIG where the client does not say which servers there are.
   */
  async scan(
    cursors: Cursors | null,
    pattern: string,
    count: number,
    timeout: number,
    index?: string,
  ): Promise<ScanStep> {
    const limit = this.#left(timeout)
    try {
      await this.#ready.within(limit())
      const from = cursors ?? (await begin(this.port, this.#runtime, limit(), index, this.#run))
      return await stepOf(from, async (server, cursor) => {
        const args = [cursor, pattern, String(count)]
        // Which server answers is none of the routes' business.
        const { items } =
          index === undefined
            ? await this.#call(scripts.list, null, [], args, limit(), { server })
            : await this.#call(scripts.index, null, [index], args, limit())
        return (items[0] ?? []).map(String)
      })
    } catch (error) {
      throw classify(error, this.port.kind)
    }
  }

  /**
   * What one server says of itself, and how many subscribe to a channel there.
   *
   * @param key of a cluster: whose primary is asked. Without one it might be a replica.
   * @param awaited false when no caller waits for it: then the process does not stay alive for it.
   */
  async status(key: string, channel: string, timeout: number, awaited = true): Promise<Answer> {
    if (!awaited && !this.port.ready) throw new HoldfastError('ERR_UNAVAILABLE', 'not connected')
    return this.aside('status', this.#way(key), [channel], timeout, awaited)
  }

  /**
   * Runs a script that is about no name's lock. It travels alone, and no run is learnt for a slot.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG
   */
  async aside(
    script: Aside | 'status',
    keys: readonly string[],
    args: readonly string[],
    timeout: number,
    awaited = true,
  ): Promise<Answer> {
    try {
      const left = this.#left(timeout)
      await this.#ready.within(left())
      const asked = await this.#call(scripts[script], null, keys, args, left(), { awaited })
      const { items, ...reply } = asked
      const [raw = []] = items
      return { ...reply, raw, verdict: raw.map(String) }
    } catch (error) {
      throw classify(error, this.port.kind)
    }
  }

  /**
   * Ends the node's quarantine, or says whether it is in one.
   *
   * @returns `missing` (it has no marker yet), `older` (of an earlier epoch), `waiting`, `votes`, `ended`
   */
  async bootstrap(set: boolean, timeout: number): Promise<string> {
    try {
      const left = this.#left(timeout)
      await this.#ready.within(left())
      const text = this.#guard ?? PROTOCOL
      const running = this.port.run(scripts.bootstrap, [MARKER_KEY], [text, set ? '1' : ''])
      const reply = await inTime(this.#runtime, running, left(), () => {
        throw unanswered(timeout)
      })
      const [status = '', detail] = (decode(reply).items[0] ?? []).map(String)
      if (status === 'error') throw new Error(detail)
      return status
    } catch (error) {
      throw classify(error, this.port.kind)
    }
  }

  /** The server's time now as far as it is known, us. */
  get time(): number | null {
    const now = this.#clock.now()
    const { low, high } = this.#runs.bounds(this.#run, now)
    return low === -Infinity || high === Infinity ? null : (now + (low + high) / 2) * 1000
  }

  /** The run that answered last; null: none has. Empty where a strict ACL keeps it back. */
  get run(): string | null {
    return this.#run
  }

  /** For messages. */
  get kind(): string {
    return this.port.address ? `${this.port.kind} ${this.port.address}` : this.port.kind
  }

  get keyPrefix(): string {
    return this.port.keyPrefix ?? ''
  }

  get cluster(): boolean {
    return this.port.cluster === true
  }

  async #call(
    script: Script,
    slot: number | null,
    keys: readonly string[],
    args: readonly string[],
    timeout: number,
    how: { server?: PortNode; awaited?: boolean; guarded?: boolean } = {},
  ): Promise<Told> {
    const { server = this.port, awaited = true, guarded } = how
    const guard = guarded ? this.#guard : null
    const sent = this.#clock.now()
    const running =
      guard === null
        ? server.run(script, keys, [PROTOCOL, ...args])
        : server.run(script, [...keys, MARKER_KEY], [guard, ...args])
    const { now, run, pushFailure, items } = decode(
      await inTime(
        this.#runtime,
        running,
        timeout,
        () => {
          throw unanswered(timeout)
        },
        awaited,
      ),
    )
    const received = this.#clock.now()
    if (!Number.isNaN(now)) {
      this.#runs.answered(run, sent, received, now)
      this.#run = run
      if (slot !== null) this.#routes.answered(slot, run)
    }
    if (pushFailure) events.pushFailed({ message: pushFailure })
    return { now, run, pushFailure, items, sent, received } // To spread the reply costs 10 µs.
  }

  /** See {@link Runs.latestOffset}. Null with replicas: what was pushed they need not have, so it is asked for. */
  latestOffset(run: string, received: number, serverTime: number): number | null {
    return this.#replicas > 0 ? null : this.#runs.latestOffset(run, received, serverTime)
  }

  subscribe(channel: string, listener: SubscriptionEvents): Promise<Subscription> {
    return this.port.subscribe(channel, listener)
  }

  close(): Promise<void> {
    return this.port.close()
  }
}
