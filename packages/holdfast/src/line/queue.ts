import type { LocalClock } from '../base/clock.js'
import { HoldfastError } from '../base/errors.js'
import { events } from '../base/events.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import type { Grant, Lease } from '../lease/lease.js'
import type { Nodes } from '../quorum/nodes.js'
import { classify } from '../quorum/replies.js'
import { eventOf, grantTo } from './claim.js'
import { Cohorts } from './cohorts.js'
import { Early } from './early.js'
import { Line } from './line.js'
import { Mailbox } from './mailbox.js'
import { Member, type Take } from './member.js'
import { Orphans } from './orphans.js'
import { Several } from './several.js'
import { Waiter } from './waiter.js'
import type { Caller, Group, Wish } from './wish.js'

type Resolve = (taken: unknown) => void

/** A call that can be ended without what it wants. */
interface Call {
  giveUp(reason: unknown): void
}

/** All calls of one Holdfast that want names, and what they share: channel, lines, owner ids. */
export class Queue {
  readonly node: Nodes
  readonly clock: LocalClock
  readonly runtime: Runtime
  readonly drift: number
  readonly mailbox: Mailbox
  readonly orphans: Orphans
  /** This client's id, with which its owner ids begin. */
  readonly client: string
  readonly #lines = new Map<string, Line>()
  readonly #waiters = new Set<Waiter>()
  readonly #several = new Set<Several>()
  readonly cohorts: Cohorts = new Cohorts(this)
  /** Told of a lease that was kept for this process's next call, and is not any more. */
  onGivenBack: (lease: Lease) => void = () => undefined
  /** Renews a lease now; the outcome is on the lease. */
  renew: (lease: Lease) => Promise<unknown> = () => Promise.resolve()
  readonly #signals = new Map<AbortSignal, { calls: Set<Call>; listener: () => void }>()
  /** Why every wait was cancelled, for good. */
  #closed: { readonly reason: unknown } | null = null
  #sequence = 0

  constructor(node: Nodes, clock: LocalClock, runtime: Runtime, drift: number) {
    this.node = node
    this.clock = clock
    this.runtime = runtime
    this.drift = drift
    this.client = runtime.randomHex(16)
    this.mailbox = new Mailbox(node, clock, this.client, () => this.#gap())
    this.orphans = new Orphans(node, clock, runtime, this.mailbox, drift)
  }

  get closed(): boolean {
    return this.#closed !== null
  }

  /** An owner id names one tenure, and is never used again. */
  newOwner(): string {
    return `${this.client}.${++this.#sequence}`
  }

  /**
   * @param take makes of the grant what the caller gets.
   * @param told hears of the wait before it begins: then it has a place of its own in the server's line.
   */
  acquire<T>(wish: Wish, take: Take<T>, told?: (waiter: Waiter) => void): Promise<T> {
    if (wish.signal?.aborted) return Promise.reject(wish.signal.reason as Error)
    // Whoever heard of the call may have closed it all.
    if (this.#closed) return Promise.reject(this.#closed.reason as Error)
    const kept = this.cohorts.kept(wish)
    if (kept) return Promise.resolve(take(kept, wish))
    return new Promise((resolve, reject) => {
      if (!told && shares(wish)) {
        return new Member(
          this,
          this.cohorts.of(wish),
          wish,
          take,
          resolve as Resolve,
          reject,
        ).start()
      }
      const since = this.clock.now()
      const granted = (grant: Grant): void => {
        const { owner, fence, pushed } = grant
        if (events.granted.heard) {
          const waited = this.clock.now() - since
          const call = wish.call ?? null
          events.granted({ ...eventOf(wish, owner), fence, waited, pushed, local: false, call })
        }
        resolve(take(grant, wish))
      }
      const waiter = this.wait(wish, { granted, failed: reject })
      told?.(waiter)
      // What was given back goes first: in this turn the request might join a call that was made before.
      if (kept !== undefined) waiter.start()
      else queueMicrotask(() => this.#waiters.has(waiter) && waiter.start())
    })
  }

  /** One who asks the server for a name, and stands in its line; to be started. */
  wait(wish: Wish, caller: Caller, group?: Group): Waiter {
    const waiter = new Waiter(this, wish, caller, group)
    this.#waiters.add(waiter)
    return waiter
  }

  /** The line of a name, if somebody here stands in it. */
  lineAt(name: string): Line | undefined {
    return this.#lines.get(name)
  }

  /** The server may have lost or passed over the other places of this process too. */
  othersAsk(waiter: Waiter): void {
    this.#lines.get(waiter.wish.name)?.othersAsk(waiter)
  }

  /** The line of a name, for one who comes to stand in it. */
  enter(name: string): Line {
    let line = this.#lines.get(name)
    if (!line) {
      line = new Line(this.clock, this.runtime)
      this.#lines.set(name, line)
    }
    line.users++
    return line
  }

  /**
   * Several names, all or nothing. `wait`, `signal` and the time limit of a request are those of the first.
   *
   * @param stand waits in the line of one of them.
   */
  async acquireAll(
    wishes: readonly Wish[],
    stand: (wish: Wish) => Promise<Grant>,
  ): Promise<readonly Grant[]> {
    if (this.#closed) throw this.#closed.reason
    for (const wish of wishes) this.cohorts.kept(wish)
    const several = new Several(this, wishes, stand)
    this.#several.add(several)
    try {
      const grants = await several.run()
      return wishes.map((wish) => grants.get(wish)!)
    } finally {
      this.#several.delete(several)
    }
  }

  /** A grant that nobody makes a lease of yet: hears of its end meanwhile. */
  keep(grant: Grant): Grant {
    const early = grant.early ?? new Early()
    this.mailbox.register(grant.owner, { holds: true, pushed: (push) => early.note(push) })
    return grantTo(grant.owner, grant, early, grant.succession)
  }

  /** The subscription, within a time limit: a subscriber that cannot connect must not hold a call. */
  async openMailbox(timeout: number): Promise<void> {
    try {
      await inTime(this.runtime, this.mailbox.open(), timeout, () => {
        throw new HoldfastError('ERR_UNAVAILABLE', 'the subscription was not confirmed')
      })
    } catch (error) {
      throw classify(error, 'the subscriber connection')
    }
  }

  /** Messages may have been missed: every waiter asks, together in a few calls. */
  #gap(): void {
    for (const waiter of this.#waiters) waiter.missed()
    // That somebody wants what is kept here.
    this.cohorts.each((cohort) => cohort.giveBack())
  }

  /** One listener for each signal, however many wait: Node warns of more than ten. */
  onAbort(signal: AbortSignal, call: Call): void {
    const known = this.#signals.get(signal)
    if (known) {
      known.calls.add(call)
      return
    }
    const calls = new Set([call])
    const listener = (): void => {
      for (const each of calls) each.giveUp(signal.reason)
    }
    this.#signals.set(signal, { calls, listener })
    signal.addEventListener('abort', listener)
  }

  offAbort(signal: AbortSignal, call: Call): void {
    const known = this.#signals.get(signal)
    if (!known?.calls.delete(call) || known.calls.size > 0) return
    this.#signals.delete(signal)
    signal.removeEventListener('abort', known.listener)
  }

  forget(waiter: Waiter): void {
    const { line } = waiter
    if (!this.#waiters.delete(waiter) || !line) return
    line.leave(waiter)
    if (--line.users === 0) {
      line.close()
      this.#lines.delete(waiter.wish.name)
    }
  }

  /** Cancels every wait. */
  cancel(reason: unknown): void {
    this.#closed ??= { reason }
    this.cohorts.each((cohort) => cohort.cancel(reason))
    for (const call of [...this.#waiters, ...this.#several]) call.giveUp(reason)
  }
}

/**
 * Whether a call may stand in line together with others of its process: not who wants more than what is
 * left of a lease, and none whose place in line is its own for another reason.
 */
function shares({ mode, wait, localHandovers, ahead, place }: Wish): boolean {
  return localHandovers > 0 && mode === 'x' && wait > 0 && !ahead && !place
}
