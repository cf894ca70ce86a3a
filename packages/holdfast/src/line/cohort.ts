import type { HoldfastError } from '../base/errors.js'
import { events } from '../base/events.js'
import type { Timer } from '../base/runtime.js'
import { contention } from '../kernel/protocol.js'
import { Lease, type Grant, type Succession } from '../lease/lease.js'
import { eventOf, holderOf } from './claim.js'
import type { Recipient } from './mailbox.js'
import type { Member } from './member.js'
import { Members } from './members.js'
import type { Queue } from './queue.js'
import { refusal } from './refusal.js'
import type { Waiter } from './waiter.js'
import { sameTerms, type Group, type Wish } from './wish.js'

// How many tokens are reserved for calls to come while the lock is kept or nobody else waits: more after a grant that
// was used up.
const [FEW, MANY] = [63, 999]
/** By how much the tokens of a name may be ahead of the clock, by which they are reckoned, for many to be reserved. */
const MOST_AHEAD_MS = 1

/**
 * The calls of this process that want one name exclusively and on the same terms. One of them stands in
 * the server's line for all, under an owner id that is nobody's in particular. Who lets go of the name
 * hands it to the next of them without the server: `localHandovers` times at most for one grant, and
 * not after `localHandoverMs`. Then it is released, and they ask for it anew behind whoever waits
 * elsewhere, under a new owner id: once a release was sent for an id, nobody is made a holder under it
 * any more. Each holder has a fencing token of its own, of those that were reserved with the grant.
 *
 * Where nobody else is known to wait, the turn is a renewal: if its answer says so too, they go on, and count anew.
 * Nobody holds the name meanwhile, so whoever comes to wait elsewhere is passed over no more often than by a grant.
 * (Design, section 6; review S2, S12, L3. Lock cohorting: Dice, Marathe, Shavit, 2012.)
 *
 * With `linger` the lock is kept for a while when nobody waits, for the next call here; the server tells
 * when somebody elsewhere wants it. (Review L8. Biased locks: Kawachiya, Koseki, Onodera, 2002.)
 */
export class Cohort implements Succession, Group {
  /** Of the same name, on other terms. */
  next: Cohort | null = null
  /** What the first of its calls asked for; `wait` and `signal` are each call's own. */
  readonly wish: Wish
  readonly #queue: Queue
  /** Those who wait, if anybody does. */
  #waiting: Members | null = null
  /** Who stands in the server's line for them. */
  #asking: Waiter | null = null
  reserve: number | undefined
  /** Whether one of them holds the name, or is about to. */
  #held: Lease | 'granted' | null = null
  /** What nobody holds, and is kept: for the next call, or while the server is asked whether they may go on. */
  #kept: Lease | null = null
  #turning = false
  /** Hears of messages to its owner id. */
  #keeper: Recipient | null = null
  /** Nobody else waited when the server gave them the name. */
  #alone = false
  /** The token of the grant was ahead of the clock: that must not become more. */
  #ahead = false
  /** How many tokens are left of the grant, and whether one was given; how often and until when it may be handed on. */
  #tokens = 0
  #used = false
  #left = 0
  #ends = 0
  /** Somebody elsewhere wants the name. */
  #wanted = false
  /** When what is kept is given back, local time; and the timer for that, which may come early. */
  #keptUntil = 0
  #timer: Timer | null = null
  constructor(queue: Queue, wish: Wish) {
    this.#queue = queue
    this.wish = wish
    this.reserve = this.#few
  }

  get #few(): number | undefined {
    return this.#single ? FEW : undefined
  }

  /** That of a lease that was alone: nothing of its grant has been used. */
  static of(queue: Queue, lease: Lease): Cohort {
    // The terms of a lease are what its call asked for.
    const cohort = new Cohort(queue, lease.terms as Wish)
    cohort.#begin(lease.heldSince)
    cohort.#held = lease
    lease.succession = cohort
    return cohort
  }

  /** Whether a call of these terms may join. */
  suits(wish: Wish): boolean {
    return sameTerms(this.wish, wish)
  }

  join(member: Member): void {
    this.#waiting ??= new Members(this.#queue, this)
    this.#waiting.add(member)
    if (!this.#asking && !this.#held && !this.#turning) this.#ask()
    else {
      if (events.queued.heard) this.tellQueued(member)
      this.#subscribe()
    }
  }

  /** Says that they wait, or this one: those before them in the server's line, and then each other. */
  tellQueued(only?: Member): void {
    const waiter = this.#asking
    const held = this.#lease
    if (!held && !waiter?.ticket) return
    const owner = held?.owner ?? waiter!.owner
    const holder = held ? holderOf(held, this.wish.info) : (waiter!.contention.holder ?? null)
    const before = held ? 0 : waiter!.rank
    let rank = before
    for (let one = this.#waiting?.first; one; one = one.behind) {
      const { wish } = one
      const call = wish.call ?? null
      if (!only || one === only) events.queued({ ...eventOf(wish, owner), rank, holder, call })
      rank++
    }
  }

  /** What one of them holds, or nobody for a moment. */
  get #lease(): Lease | null {
    return this.#held instanceof Lease ? this.#held : this.#kept
  }

  /** When the last of those who wait gives up, local time. */
  get until(): number {
    return this.#waiting?.until ?? 0
  }

  /**
   * In the background, before it is needed: who waits here may soon have to wait for another process, and
   * who holds is to hear of a message that somebody ends its tenure.
   */
  #subscribe(): void {
    const { mailbox } = this.#queue
    if (!mailbox.wanted) mailbox.open().catch(() => undefined)
  }

  #ask(): void {
    // The record shows one of them: the first, who is likely to have the name first.
    this.#asking = this.#queue.wait(this.#waiting!.first!.wish, this, this)
    this.#asking.calls = this
    this.#asking.start()
  }

  granted(grant: Grant): void {
    this.#begin(this.#queue.clock.now())
    // By a reply to the first question: there was no line.
    this.#alone = this.#asking?.ticket === 0 && this.#single
    this.#asking = null
    this.#ahead = grant.fence > (grant.serverTime + MOST_AHEAD_MS) * 1000
    if (!this.#mayReserve) this.reserve = this.#few
    this.#give(grant)
  }

  /** With a grant of the server. */
  #begin(at: number): void {
    this.#tokens = this.reserve ?? this.wish.localHandovers
    this.#left = this.wish.localHandovers
    this.#ends = at + this.wish.localHandoverMs
    this.#used = this.#wanted = false
  }

  failed(error: unknown): void {
    this.#asking = null
    this.cancel(error)
  }

  /** Makes the first of them the holder. */
  #give(grant: Grant): void {
    const member = this.#waiting!.first!
    this.#remove(member)
    member.granted(this.#granted(grant, member.since, member.wish))
  }

  /** @returns whether it waited here. */
  #remove(member: Member): boolean {
    const waited = this.#waiting?.remove(member) ?? false
    if (!this.#waiting?.first) this.#waiting = null
    return waited
  }

  #granted(grant: Grant, since: number | null, wish: Wish): Grant {
    this.#held = 'granted'
    const { owner, fence, pushed, follows } = grant
    const local = follows !== undefined
    if (local) {
      this.#tokens--
      this.#used = true
    }
    if (events.granted.heard) {
      const waited = since === null ? 0 : this.#queue.clock.now() - since
      const call = wish.call ?? null
      events.granted({ ...eventOf(wish, owner), fence, waited, pushed, local, call })
    }
    grant.succession = this
    return grant
  }

  pass(lease: Lease, now: number): boolean {
    if (this.#tokens === 0) {
      if (this.#mayReserve && !this.#wanted) this.reserve = MANY
      return false
    }
    if (!lease.soundAt(now)) return false
    const over = now >= this.#ends
    if (!this.#waiting) return !over && this.#keep(lease, now)
    if (over || this.#left === 0) return this.#mayTurn && this.#turn(lease, now)
    this.#left--
    lease.passing()
    if (this.#waiting) this.#give(lease.next(now))
    else this.#unwanted(lease)
    return true
  }

  /** Whoever heard of the release has ended the last call that waited. */
  #unwanted(lease: Lease): void {
    this.#held = null
    this.#kept = lease
    this.giveBack()
  }

  /** Whether the next grant may reserve many tokens, if this one is used up and nobody else wants the name. */
  get #mayReserve(): boolean {
    return (this.#alone || this.wish.linger > 0) && !this.#ahead
  }

  get #mayTurn(): boolean {
    return this.#alone && !this.#wanted
  }

  /** On several servers the tokens of a grant are few, and a minority may not know of who waits. */
  get #single(): boolean {
    return this.#queue.node.members.length === 1
  }

  /** Asks by a renewal whether anybody else waits, while nobody holds it. */
  #turn(lease: Lease, now: number): boolean {
    this.#turning = true
    this.#setAside(lease)
    if (this.#kept) void this.#queue.renew(lease).then(() => this.#turned(lease, now))
    return true
  }

  #turned(lease: Lease, asked: number): void {
    // Given back meanwhile: somebody waits, or asked them to let go.
    if (this.#kept !== lease) return
    this.#turning = false
    const now = this.#queue.clock.now()
    if (!this.#waiting || !lease.soundAt(now)) return this.giveBack()
    this.#kept = null
    this.#left = this.wish.localHandovers
    this.#ends = asked + this.wish.localHandoverMs
    this.#give(lease.next(now))
  }

  /** Its holder has let go, and nobody is the next yet. */
  #setAside(lease: Lease): void {
    this.#held = null
    this.#kept = lease
    this.#keeper ??= { holds: true, pushed: () => this.wanted() }
    this.#queue.mailbox.register(lease.owner, this.#keeper)
    // Whoever hears of it may ask for it, or close.
    lease.passing()
  }

  /** Keeps it for the next call, unless somebody else wants it, or cannot say so. */
  #keep(lease: Lease, now: number): boolean {
    const { mailbox } = this.#queue
    const { linger } = this.wish
    if (linger === 0 || this.#wanted || this.#queue.closed) return false
    if (!mailbox.live) {
      this.#subscribe()
      return false
    }
    this.#keptUntil = Math.min(now + linger, lease.soundUntil)
    this.#setAside(lease)
    if (this.#kept && !this.#timer) this.#watch(this.#keptUntil - now)
    return true
  }

  // One timer for as long as calls come and go: it looks whether the last of them was long enough ago. It
  // keeps the process alive, so that nothing is left behind by one that ends.
  #watch(ms: number): void {
    this.#timer = this.#queue.runtime.setTimer(
      () => {
        this.#timer = null
        if (!this.idle) return this.#rest()
        const left = this.#keptUntil - this.#queue.clock.now()
        if (left > 0) this.#watch(left)
        else this.giveBack()
      },
      Math.max(1, Math.ceil(ms)),
      true,
    )
  }

  /** Whether it keeps the name for a next call. */
  get idle(): boolean {
    return this.#kept !== null && !this.#turning
  }

  /** What is kept, for a call; null, and given back, if it is not sound any more. */
  take(wish: Wish): Grant | null {
    const lease = this.#kept
    const now = this.#queue.clock.now()
    if (lease && now < this.#ends && lease.soundAt(now)) {
      this.#kept = null
      return this.#granted(lease.next(now), null, wish)
    }
    this.giveBack()
    return null
  }

  wanted(): void {
    this.#wanted = true
    // Where several want it no grant uses up many tokens: the fence would run ahead of the clock (review S12).
    this.reserve = this.#few
    this.giveBack()
  }

  /** What is kept goes to the server, and to whoever waits there. */
  giveBack(): void {
    const lease = this.#kept
    if (!lease) return
    this.#kept = null
    this.#turning = false
    this.#disarm()
    // First: then the next question, which comes a step later, is written with the release, and in line before others.
    lease.end()
    const { key, timeout } = this.wish
    void this.#queue.orphans.release(lease.owner, key, timeout, lease.ends)
    this.#queue.onGivenBack(lease)
  }

  over(): void {
    this.#held = null
    // After the release, which is sent in this turn.
    if (this.#waiting) queueMicrotask(() => this.#askAgain())
    else this.#rest()
  }

  #askAgain(): void {
    if (this.#waiting && !this.#asking && !this.#held) this.#ask()
    else this.#rest()
  }

  /** A call ends without the lock, for this reason or because its time is over. */
  leave(member: Member, reason?: { readonly because: unknown }): void {
    if (!this.#remove(member)) return
    const asking = this.#asking
    if (this.#waiting || !asking) {
      member.failed(reason ? reason.because : this.#outOfTime(member))
    } else {
      // The last of them: their place in line goes too, and the server may say who holds the name.
      this.#asking = null
      asking.giveUp(reason ? reason.because : asking.outOfTime(member.wish), member)
    }
    this.#rest()
  }

  /** All of their calls end, and nothing is kept. */
  cancel(reason: unknown): void {
    this.giveBack()
    this.#disarm()
    while (this.#waiting) this.leave(this.#waiting.first!, { because: reason })
    this.#rest()
  }

  #outOfTime({ wish }: Member): HoldfastError {
    if (this.#asking) return this.#asking.outOfTime(wish)
    const { name, info } = this.wish
    const now = this.#queue.clock.now()
    const { owner, ends } = this.#lease ?? { owner: '', ends: now }
    return refusal('ERR_TIMEOUT', wish, contention(name, ['x', owner, String(ends), info], now))
  }

  /** The lease of whoever was granted it. */
  adopted(lease: Lease): void {
    this.#held = lease
    // By its tokens: a turn by renewal begins with those that are left.
    const unused = this.wish.linger === 0 && !this.#used
    if (unused && !this.#waiting) this.#queue.cohorts.alone(this, lease)
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #rest(): void {
    // As long as the timer runs it is remembered how many tokens were used.
    if (this.#waiting || this.#asking || this.#held || this.#timer || this.#turning) return
    this.#queue.cohorts.dissolve(this)
  }
}
