import { HoldfastError, type ErrorCode } from '../base/errors.js'
import { listen, type LockEvent } from '../base/events.js'
import { inTime } from '../base/in-time.js'
import type { Timer } from '../base/runtime.js'
import { details, indexMember, type GaveUpReason, type Note } from '../kernel/history.js'
import type { Grant, Lease, Terms } from '../lease/lease.js'
import type { Take } from '../line/member.js'
import type { Wish } from '../line/wish.js'
import type { Engine } from './engine.js'
import { Outbox, type HistoryStream } from './outbox.js'

/** For so long events are gathered; a call that waits for less than half of it is not noted as waiting. */
const GATHER_MS = 100
/** The index outlives a lease by so much, so that a name is not lacking while its renewal is being told. */
const TAIL_MS = 1000
/** A call that waits for longer is in the index for so long, unless its name is noted again. */
const LONGEST_WAIT_MS = 3_600_000

/** A call that wants a name. */
interface Call {
  readonly wish: Wish
  readonly since: number
  /** Whether it is known to wait. */
  told: boolean
}

/** What this process has of a name. */
class Named {
  readonly leases = new Set<Lease>()
  readonly calls = new Set<Call>()
  /** Whether the index has it. */
  indexed = false
}

/**
 * Writes down what becomes of this Holdfast's locks, beside them: it hears of it when it has happened, and
 * tells the server a moment later, in few calls. No lock waits for it, or fails with it.
 * (docs/decisions/0031-history-beside-the-locks.md)
 */
export class Recorder {
  readonly #engine: Engine
  readonly #all: HistoryStream | null
  /** Whether there is an index of names. */
  readonly indexes: boolean
  readonly #outbox: Outbox
  readonly #names = new Map<string, Named>()
  readonly #waited = new WeakMap<Grant, number>()
  readonly #unhear: readonly (() => void)[]
  /** Calls that have just begun. */
  readonly #fresh = new Set<Call>()
  /** Names whose place in the index may not be right. */
  readonly #changed = new Set<string>()
  #timer: Timer | null = null
  #flushing: Promise<void> | null = null

  /** @param all for the names that have no stream of their own; with it comes the index. */
  constructor(engine: Engine, all: (HistoryStream & { readonly index: string }) | null) {
    this.#engine = engine
    this.#all = all
    this.indexes = all !== null
    this.#outbox = new Outbox(engine, all?.index ?? null)
    this.#unhear = [
      listen('holdfast:released', (event) => {
        this.#ended(event, 'released', event.held, details.released(event.released))
      }),
      listen('holdfast:lost', (event) => this.#ended(event, 'lost', event.held, event.reason)),
      listen('holdfast:revoked', (event) => {
        const lease = this.#leaseOf(event)
        if (lease) this.#noteLease(lease, 'revoked', lease.heldFor, details.revoked(event.by))
      }),
      listen('holdfast:renewed', (event) => {
        if (this.#leaseOf(event)) this.#change(event.name)
      }),
      listen('holdfast:deadlock', (event) => this.#circle(event)),
    ]
  }

  #streamOf({ history }: Terms): HistoryStream | null {
    return (history as HistoryStream | undefined) ?? this.#all
  }

  /** Looks on while a call waits for a name. @returns what it is given. */
  waits<T>(wish: Wish, take: Take<T>, ask: (take: Take<T>) => Promise<T>): Promise<T> {
    return this.#streamOf(wish) ? this.#watched(wish, take, ask) : ask(take)
  }

  async #watched<T>(wish: Wish, take: Take<T>, ask: (take: Take<T>) => Promise<T>): Promise<T> {
    const { clock } = this.#engine
    const call: Call = { wish, since: clock.now(), told: false }
    const named = this.#named(wish.name)
    named.calls.add(call)
    this.#fresh.add(call)
    this.#wake()
    try {
      return await ask((grant, asked) => {
        this.#waited.set(grant, clock.now() - call.since)
        return take(grant, asked)
      })
    } catch (error) {
      const waited = clock.now() - call.since
      if (call.told) this.#noteCall(wish, 'gave-up', waited, whyOf(error, wish))
      throw error
    } finally {
      named.calls.delete(call)
      this.#fresh.delete(call)
      if (call.told) this.#change(wish.name)
      this.#drop(wish.name)
    }
  }

  /** The same of a call that wants several names, which it is given together. */
  async together(asked: Promise<readonly Grant[]>): Promise<readonly Grant[]> {
    const { clock } = this.#engine
    const since = clock.now()
    const grants = await asked
    for (const grant of grants) this.#waited.set(grant, clock.now() - since)
    return grants
  }

  /** A lock is held. */
  granted(lease: Lease, grant: Grant): void {
    if (!this.#streamOf(lease.terms)) return
    this.#named(lease.terms.name).leases.add(lease)
    const how = details.granted(grant.pushed, grant.follows !== undefined)
    this.#noteLease(lease, 'granted', this.#waited.get(grant) ?? 0, how)
    this.#change(lease.terms.name)
  }

  /** Null of what is another Holdfast's, or not noted. */
  #leaseOf({ name, owner }: LockEvent): Lease | null {
    for (const lease of this.#names.get(name)?.leases ?? []) if (lease.owner === owner) return lease
    return null
  }

  #ended(event: LockEvent, how: 'released' | 'lost', held: number, detail: string): void {
    const lease = this.#leaseOf(event)
    if (!lease) return
    this.#names.get(event.name)!.leases.delete(lease)
    this.#noteLease(lease, how, held, detail)
    this.#change(event.name)
  }

  #circle(event: LockEvent & { cycle: readonly { name: string }[]; broken: boolean }): void {
    if (!event.owner.startsWith(`${this.#engine.queue.client}.`)) return
    const [call] = this.#names.get(event.name)?.calls ?? []
    if (!call) return
    const names = event.cycle.map(({ name }) => name)
    const waited = this.#engine.clock.now() - call.since
    this.#noteCall(call.wish, 'deadlock', waited, details.deadlock(event.broken, names))
  }

  #named(name: string): Named {
    let named = this.#names.get(name)
    if (!named) this.#names.set(name, (named = new Named()))
    return named
  }

  /** Forgets a name of which this process has nothing, nor has the index. */
  #drop(name: string): void {
    const named = this.#names.get(name)
    if (!named || named.leases.size > 0 || named.calls.size > 0 || named.indexed) return
    this.#names.delete(name)
    this.#changed.delete(name)
  }

  #noteLease(
    { owner, fence, terms }: Lease,
    event: Note['event'],
    ms: number,
    detail: string,
  ): void {
    const { name, mode, info } = terms
    this.#note(terms, { event, name, mode, owner, fence, ms, detail, info })
  }

  #noteCall(wish: Wish, event: Note['event'], ms: number, detail: string): void {
    const { name, mode, info } = wish
    const owner = this.#engine.queue.client
    this.#note(wish, { event, name, mode, owner, ms, detail, info })
  }

  #note(terms: Terms, note: Note): void {
    const to = this.#streamOf(terms)
    if (!to) return
    this.#outbox.add(to, note)
    this.#wake()
  }

  #change(name: string): void {
    if (!this.indexes) return this.#drop(name)
    this.#changed.add(name)
    this.#wake()
  }

  /** The process stays alive for what it has to tell, and no longer. */
  #wake(): void {
    if (this.#timer || this.#flushing) return
    this.#timer = this.#engine.runtime.setTimer(() => this.#begin(), GATHER_MS, true)
  }

  #begin(): void {
    this.#timer = null
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null
      if (!this.#outbox.empty || this.#fresh.size > 0 || this.#changed.size > 0) this.#wake()
    })
  }

  #flush(): Promise<void> {
    const now = this.#engine.clock.now()
    for (const call of this.#fresh) {
      const waited = now - call.since
      if (waited < GATHER_MS / 2) continue
      this.#fresh.delete(call)
      call.told = true
      this.#noteCall(call.wish, 'waiting', waited, '')
      this.#change(call.wish.name)
    }
    const names = [...this.#changed]
    this.#changed.clear()
    const marks = names.flatMap((name) => this.#mark(name, now))
    for (const name of names) this.#drop(name)
    return this.#outbox.tell(marks)
  }

  /** What the index is to say of a name: for how long it counts, and whose it is. */
  #mark(name: string, now: number): string[] {
    const named = this.#names.get(name)
    if (!named) return []
    let left = -Infinity
    for (const { ends } of named.leases) left = Math.max(left, ends - now)
    for (const { told, since, wish } of named.calls) {
      if (told) left = Math.max(left, Math.min(since + wish.wait - now, LONGEST_WAIT_MS))
    }
    const had = named.indexed
    named.indexed = left > -Infinity
    if (!had && !named.indexed) return []
    const ms = named.indexed ? String(Math.ceil(Math.max(0, left)) + TAIL_MS) : ''
    return [ms, indexMember(this.#engine.queue.client, name)]
  }

  /** Tells what there is to tell, within the time limit of a command. Never throws. */
  async tellNow(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    const rest = async (): Promise<void> => {
      await this.#flushing
      this.#timer?.cancel()
      this.#begin()
      await this.#flushing
    }
    await inTime(this.#engine.runtime, rest(), this.#outbox.timeout, () => undefined)
  }

  /** The same for the last time: it hears of nothing more. */
  close(): Promise<void> {
    for (const end of this.#unhear) end()
    return this.tellNow()
  }
}

const REASONS: Readonly<Partial<Record<ErrorCode, GaveUpReason>>> = {
  ERR_TIMEOUT: 'timeout',
  ERR_DEADLOCK: 'deadlock',
  ERR_CLOSED: 'closed',
}

function whyOf(error: unknown, { signal }: Wish): GaveUpReason {
  if (signal?.aborted && error === signal.reason) return 'aborted'
  return (error instanceof HoldfastError && REASONS[error.code]) || 'failed'
}
