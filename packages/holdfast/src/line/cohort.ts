import type { HoldfastError, Holder } from '../base/errors.js'
import { events } from '../base/events.js'
import type { Timer } from '../base/runtime.js'
import { contention, decodeInfo } from '../kernel/protocol.js'
import { Lease, type Grant, type Succession } from '../lease/lease.js'
import { eventOf, grantTo } from './claim.js'
import type { Member } from './member.js'
import type { Queue } from './queue.js'
import { refusal } from './refusal.js'
import type { Waiter } from './waiter.js'
import { wishOf, type Wish } from './wish.js'

// How many tokens are reserved for calls to come while the lock is kept: more after a grant that was used up.
const [FEW, MANY] = [63, 999]

/**
 * The calls of this process that want one name exclusively and on the same terms. One of them stands in
 * the server's line for all, under an owner id that is nobody's in particular. Who lets go of the name
 * hands it to the next of them without the server: `localHandovers` times at most for one grant, and
 * not after `localHandoverMs`. Then it is released, and they ask for it anew behind whoever waits
 * elsewhere, under a new owner id: once a release was sent for an id, nobody is made a holder under it
 * any more. Each holder has a fencing token of its own, of those that were reserved with the grant.
 * (Design, section 6; review S2, S12, L3. Lock cohorting: Dice, Marathe, Shavit, 2012.)
 *
 * With `linger` the lock is kept for a while when nobody waits, for the next call here; the server tells
 * when somebody elsewhere wants it. (Review L8. Biased locks: Kawachiya, Koseki, Onodera, 2002.)
 */
export class Cohort implements Succession {
  /** Of the same name, on other terms. */
  next: Cohort | null = null
  readonly wish: Wish
  readonly #queue: Queue
  /** Those who wait, in the order in which they came. */
  readonly #members = new Set<Member>()
  /** Who stands in the server's line for them; and the last of them, if that one has given up. */
  #asking: { readonly waiter: Waiter; leaving: Member | null } | null = null
  /** Whether one of them holds the name, or is about to. */
  #held: Lease | 'granted' | null = null
  /** What nobody holds, and is kept for the next call. */
  #kept: Lease | null = null
  /** How many tokens are left of the grant, how often it may be handed on, and until when, local time. */
  #tokens = 0
  #left = 0
  #ends = 0
  /** Somebody elsewhere wants the name. */
  #wanted = false
  /** When what is kept is given back, local time; and the timer for that, which may come early. */
  #until = 0
  #timer: Timer | null = null
  /** When the last of the calls ends that it asks for, local time. */
  #last = 0

  constructor(queue: Queue, wish: Wish) {
    this.#queue = queue
    const until = (): number => this.#last
    this.wish = wishOf(wish, wish.name, wish.mode, wish.keys, until)
    if (wish.linger > 0) this.wish.reserve = FEW
  }

  /** Whether a call of these terms may join. */
  suits(wish: Wish): boolean {
    const { ttl, claim, lockDelay, timeout, margin, info, linger } = wish
    const mine = this.wish
    return (
      mine.ttl === ttl &&
      mine.claim === claim &&
      mine.lockDelay === lockDelay &&
      mine.timeout === timeout &&
      mine.margin === margin &&
      mine.localHandovers === wish.localHandovers &&
      mine.localHandoverMs === wish.localHandoverMs &&
      mine.linger === linger &&
      mine.info === info
    )
  }

  join(member: Member): void {
    this.#members.add(member)
    this.#last = Math.max(this.#last, member.end)
    if (!this.#asking && !this.#held) this.#ask()
    else {
      if (events.queued.heard) this.tellQueued(member)
      this.#subscribe()
    }
  }

  /** Says that they wait, or this one: those before them in the server's line, and then each other. */
  tellQueued(only?: Member): void {
    const waiter = this.#asking?.waiter
    const held = this.#held instanceof Lease ? this.#held : null
    if (!held && !waiter?.ticket) return
    const owner = held?.owner ?? waiter!.owner
    const holder = held ? this.#holder(held) : (waiter!.contention.holder ?? null)
    const before = held ? 0 : waiter!.rank
    // Whoever has just come is the last of them.
    const told = only ? [only] : this.#members
    let rank = before + (only ? this.#members.size - 1 : 0)
    for (const { wish } of told) {
      const call = wish.call ?? null
      events.queued({ ...eventOf(wish, owner), rank: rank++, holder, call })
    }
  }

  #holder({ owner, terms }: Lease): Holder {
    const trace = terms.call?.trace
    const { info } = this.wish
    return {
      mode: 'exclusive',
      owner,
      ...decodeInfo(info),
      ...(trace === undefined ? {} : { trace }),
    }
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
    const granted = (grant: Grant): void => {
      this.#asking = null
      this.#tokens = this.wish.reserve ?? this.wish.localHandovers
      this.#left = this.wish.localHandovers
      this.#ends = this.#queue.clock.now() + this.wish.localHandoverMs
      this.#wanted = false
      this.#give(grant)
    }
    const failed = (error: unknown): void => {
      if (asking.leaving) return asking.leaving.reject(error)
      this.#asking = null
      this.cancel(error)
    }
    // The record shows one of them: the first, who is likely to have the name first.
    const [first] = this.#members
    this.wish.call = first?.wish.call
    const waiter = this.#queue.wait(this.wish, granted, failed)
    waiter.calls = this
    const asking = { waiter, leaving: null as Member | null }
    this.#asking = asking
    waiter.start()
  }

  /** Makes the first of them the holder. */
  #give(grant: Grant): void {
    const [member] = this.#members
    this.#members.delete(member!)
    member!.resolve(this.#granted(grant, member!.since, member!.wish))
  }

  #granted(grant: Grant, since: number | null, wish: Wish): Grant {
    this.#held = 'granted'
    const { owner, fence, pushed, follows } = grant
    const local = follows !== undefined
    if (local) this.#tokens--
    if (events.granted.heard) {
      const waited = since === null ? 0 : this.#queue.clock.now() - since
      const call = wish.call ?? null
      events.granted({ ...eventOf(wish, owner), fence, waited, pushed, local, call })
    }
    return grantTo(owner, grant, grant.early, this)
  }

  pass(lease: Lease): boolean {
    if (this.#tokens === 0 && this.wish.reserve && !this.#wanted) this.wish.reserve = MANY
    if (this.#tokens === 0) return false
    const now = this.#queue.clock.now()
    if (now >= this.#ends || !lease.soundAt(now)) return false
    if (this.#members.size === 0) return this.#keep(lease, now)
    if (this.#left === 0) return false
    this.#left--
    lease.passing()
    this.#give(lease.next)
    return true
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
    lease.passing()
    this.#held = null
    this.#kept = lease
    this.#until = Math.min(now + linger, lease.soundUntil)
    const wanted = (): void => this.wanted()
    mailbox.register(lease.owner, { holds: true, pushed: wanted })
    if (!this.#timer) this.#watch(this.#until - now)
    return true
  }

  // One timer for as long as calls come and go: it looks whether the last of them was long enough ago. It
  // keeps the process alive, so that nothing is left behind by one that ends.
  #watch(ms: number): void {
    this.#timer = this.#queue.runtime.setTimer(
      () => {
        this.#timer = null
        if (!this.#kept) return this.#rest()
        const left = this.#until - this.#queue.clock.now()
        if (left > 0) this.#watch(left)
        else this.giveBack()
      },
      Math.max(1, Math.ceil(ms)),
      true,
    )
  }

  /** Whether it keeps the name for a next call. */
  get idle(): boolean {
    return this.#kept !== null
  }

  /** What is kept, for a call; null, and given back, if it is not sound any more. */
  take(wish: Wish): Grant | null {
    const lease = this.#kept
    const now = this.#queue.clock.now()
    if (lease && now < this.#ends && lease.soundAt(now)) {
      this.#kept = null
      return this.#granted(lease.next, null, wish)
    }
    this.giveBack()
    return null
  }

  wanted(): void {
    this.#wanted = true
    // Where several want it no grant uses up many tokens: the fence would run ahead of the clock (review S12).
    if (this.wish.reserve) this.wish.reserve = FEW
    this.giveBack()
  }

  /** What is kept goes to the server, and to whoever waits there. */
  giveBack(): void {
    const lease = this.#kept
    if (!lease) return
    this.#kept = null
    this.#disarm()
    const { keys, timeout } = this.wish
    void this.#queue.orphans.release(lease.owner, keys, timeout, lease.ends)
    lease.end()
    this.#queue.onGivenBack(lease)
  }

  over(): void {
    this.#held = null
    // After the release, which is sent in this turn.
    if (this.#members.size > 0) queueMicrotask(() => this.#askAgain())
    else this.#rest()
  }

  #askAgain(): void {
    if (this.#members.size > 0 && !this.#asking && !this.#held) this.#ask()
    else this.#rest()
  }

  /** A call ends without the lock, for this reason or because its time is over. */
  leave(member: Member, reason?: { readonly because: unknown }): void {
    if (!this.#members.delete(member)) return
    const asking = this.#asking
    if (this.#members.size > 0 || !asking) {
      member.reject(reason ? reason.because : this.#outOfTime(member))
    } else {
      // The last of them: their place in line goes too, and the server may say who holds the name.
      this.#asking = null
      asking.leaving = member
      const { waiter } = asking
      waiter.giveUp(reason ? reason.because : waiter.outOfTime(member.wish), member.wish)
    }
    this.#rest()
  }

  /** All of their calls end, and nothing is kept. */
  cancel(reason: unknown): void {
    this.giveBack()
    this.#disarm()
    for (const member of this.#members) this.leave(member, { because: reason })
    this.#rest()
  }

  #outOfTime({ wish }: Member): HoldfastError {
    if (this.#asking) return this.#asking.waiter.outOfTime(wish)
    const { name, info } = this.wish
    const now = this.#queue.clock.now()
    const [owner, ends] =
      this.#held instanceof Lease ? [this.#held.owner, this.#held.ends] : ['', now]
    return refusal('ERR_TIMEOUT', wish, contention(name, ['x', owner, String(ends), info], now))
  }

  /** The lease of whoever was granted it. */
  adopted(lease: Lease): void {
    this.#held = lease
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #rest(): void {
    // As long as the timer runs it is remembered how many tokens were used.
    if (this.#members.size > 0 || this.#asking || this.#held || this.#timer) return
    this.#queue.dissolve(this)
  }
}
