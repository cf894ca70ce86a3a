import type { Reply } from '../../src/clients/port.js'
import type { MemoryServer } from '../../src/kernel/memory/server.js'
import type { WorldClock } from './client-clock.js'
import type { SimPort } from './sim-port.js'

export type Direction = 'request' | 'reply' | 'push'

/** Something under way between a client and the server. */
export interface Parcel {
  readonly direction: Direction
  readonly port: SimPort
  /** The script's name; of a push its kind: grant, first, forced. */
  readonly what: string
  readonly keys: readonly string[]
  readonly args: readonly string[]
  /** A push's text. */
  readonly message: string
}

/** Which parcels a rule takes. */
export interface Which {
  readonly of?: { readonly port: SimPort }
  /** How many of them; 1 unless told. */
  readonly times?: number
  readonly when?: (parcel: Parcel) => boolean
}

type Fate = (deliver: () => void) => void

interface Rule {
  readonly direction: Direction
  readonly what: string
  readonly which: Which
  left: number
  readonly fate: Fate
}

/** Parcels that were kept back. */
export class Held {
  readonly #parcels: (() => void)[] = []
  /** No more are kept back. */
  readonly end: () => void

  constructor(end: () => void) {
    this.end = end
  }

  get count(): number {
    return this.#parcels.length
  }

  keep(deliver: () => void): void {
    this.#parcels.push(deliver)
  }

  /** Lets them go, in their order. */
  release(): void {
    for (const deliver of this.#parcels.splice(0)) deliver()
  }
}

/** One script call, as the server's side of the net saw it sent. */
export interface Sent {
  readonly what: string
  readonly port: SimPort
  /** How many names it carries. */
  readonly items: number
  /** World ms. */
  readonly at: number
}

/**
 * The net between the clients and one server: it can lose, delay, double, hold back and rewrite what
 * is under way, by direction, script and predicate. It counts.
 */
export class SimNet {
  readonly server: MemoryServer
  readonly log: Sent[] = []
  readonly #clock: WorldClock
  readonly #rules: Rule[] = []
  readonly #rewrites: { what: string; with: (reply: Reply, parcel: Parcel) => Reply }[] = []
  readonly #far = new Map<string, Set<(message: string) => void>>()

  constructor(server: MemoryServer, clock: WorldClock) {
    this.server = server
    this.#clock = clock
    // Subscribers of another node of a cluster: the message comes, PUBSUB NUMSUB does not know them.
    const publish = server.publish.bind(server)
    server.publish = (channel, message) => {
      for (const listener of this.#far.get(channel) ?? []) listener(message)
      return publish(channel, message)
    }
  }

  subscribeFar(channel: string, onMessage: (message: string) => void): () => void {
    const all = this.#far.get(channel) ?? new Set()
    this.#far.set(channel, all.add(onMessage))
    return () => all.delete(onMessage)
  }

  /** How many calls of a script were sent. */
  count(what?: string, of?: { port: SimPort }): number {
    return this.log.filter(
      (one) => (what === undefined || one.what === what) && (!of || one.port === of.port),
    ).length
  }

  note(port: SimPort, what: string, keys: readonly string[]): void {
    this.log.push({ what, port, items: Math.floor(keys.length / 5), at: this.#clock.monotonic() })
  }

  drop(direction: Direction, what: string, which: Which = {}): () => void {
    return this.#rule(direction, what, which, () => undefined)
  }

  delay(
    direction: Direction,
    what: string,
    ms: number | (() => number),
    which: Which = {},
  ): () => void {
    const fate: Fate = (deliver) =>
      void this.#clock.setTimer(deliver, typeof ms === 'number' ? ms : ms())
    return this.#rule(direction, what, which, fate)
  }

  hold(direction: Direction, what: string, which: Which = {}): Held {
    const held: Held = new Held(this.#rule(direction, what, which, (deliver) => held.keep(deliver)))
    return held
  }

  /** Delivers now, and keeps a copy that can be let go later. */
  double(direction: Direction, what: string, which: Which = {}): Held {
    const both: Fate = (deliver) => {
      deliver()
      held.keep(deliver)
    }
    const held: Held = new Held(this.#rule(direction, what, which, both))
    return held
  }

  /** Nothing arrives any more, in either direction; `what` may be '*' here as everywhere. */
  silence(of?: { readonly port: SimPort }): () => void {
    const which: Which = { times: Infinity, ...(of ? { of } : {}) }
    const ends = (['request', 'reply', 'push'] as const).map((d) => this.drop(d, '*', which))
    return () => ends.forEach((end) => end())
  }

  /** Changes replies of a script, as another server might have said it; throws: an error reply. */
  rewrite(what: string, rewrite: (reply: Reply, parcel: Parcel) => Reply): () => void {
    const entry = { what, with: rewrite }
    this.#rewrites.push(entry)
    return () => void this.#rewrites.splice(this.#rewrites.indexOf(entry), 1)
  }

  rewritten(reply: Reply, parcel: Parcel): Reply {
    return this.#rewrites
      .filter(({ what }) => what === parcel.what)
      .reduce((text, one) => one.with(text, parcel), reply)
  }

  #rule(direction: Direction, what: string, which: Which, fate: Fate): () => void {
    const rule: Rule = { direction, what, which, left: which.times ?? 1, fate }
    this.#rules.push(rule)
    return () => {
      rule.left = 0
    }
  }

  /** Delivers a parcel, or does with it what the first rule that fits says. */
  carry(parcel: Parcel, deliver: () => void): void {
    const { direction, what, port } = parcel
    const rule = this.#rules.find(
      (one) =>
        one.left > 0 &&
        one.direction === direction &&
        (one.what === '*' || one.what === what) &&
        (one.which.of === undefined || one.which.of.port === port) &&
        (one.which.when?.(parcel) ?? true),
    )
    if (!rule) return deliver()
    rule.left--
    rule.fate(deliver)
  }
}
