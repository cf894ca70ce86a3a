import type { HoldfastError } from '../base/errors.js'
import { events } from '../base/events.js'
import { contention } from '../kernel/protocol.js'
import { Lease, type Grant, type Succession } from '../lease/lease.js'
import { eventOf } from './claim.js'
import type { Member } from './member.js'
import type { Queue } from './queue.js'
import { refusal } from './refusal.js'
import type { Waiter } from './waiter.js'
import type { Wish } from './wish.js'

/**
 * The calls of this process that want one name exclusively and on the same terms. One of them stands in
 * the server's line for all, under an owner id that is nobody's in particular. Who lets go of the name
 * hands it to the next of them without the server: `localHandovers` times at most for one grant, and
 * not after `localHandoverMs`. Then it is released, and they ask for it anew behind whoever waits
 * elsewhere, under a new owner id: once a release was sent for an id, nobody is made a holder under it
 * any more. Each holder has a fencing token of its own, of those that were reserved with the grant.
 * (Design, section 6; review S2, S12, L3. Lock cohorting: Dice, Marathe, Shavit, 2012.)
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
  /** How often it may be handed on without the server, and until when, local time. */
  #left = 0
  #ends = 0
  /** When the last of the calls ends that it asks for, local time. */
  #until = 0

  constructor(queue: Queue, wish: Wish) {
    this.#queue = queue
    const until = (): number => this.#until
    this.wish = { ...wish, wait: Infinity, signal: undefined, until }
  }

  /** Whether a call of these terms may join. */
  suits(wish: Wish): boolean {
    const { ttl, claim, lockDelay, timeout, margin, info, localHandovers, localHandoverMs } = wish
    const mine = this.wish
    return (
      mine.ttl === ttl &&
      mine.claim === claim &&
      mine.lockDelay === lockDelay &&
      mine.timeout === timeout &&
      mine.margin === margin &&
      mine.localHandovers === localHandovers &&
      mine.localHandoverMs === localHandoverMs &&
      mine.info === info
    )
  }

  join(member: Member): void {
    this.#members.add(member)
    this.#until = Math.max(this.#until, member.end)
    if (!this.#asking && !this.#held) this.#ask()
  }

  #ask(): void {
    const granted = (grant: Grant): void => {
      this.#asking = null
      this.#left = this.wish.localHandovers
      this.#ends = this.#queue.clock.now() + this.wish.localHandoverMs
      this.#give(grant)
    }
    const failed = (error: unknown): void => {
      if (asking.leaving) return asking.leaving.reject(error)
      this.#asking = null
      this.cancel(error)
    }
    const waiter = this.#queue.wait(this.wish, granted, failed)
    const asking = { waiter, leaving: null as Member | null }
    this.#asking = asking
    waiter.start()
  }

  /** Makes the first of them the holder. */
  #give(grant: Grant): void {
    const [member] = this.#members
    this.#members.delete(member!)
    this.#held = 'granted'
    const { owner, fence, pushed } = grant
    const waited = this.#queue.clock.now() - member!.since
    const local = grant.follows !== undefined
    events.granted({ ...eventOf(this.wish, owner), fence, waited, pushed, local })
    member!.resolve({ ...grant, succession: this })
  }

  pass(lease: Lease): boolean {
    if (this.#members.size === 0 || this.#left === 0 || !lease.sound) return false
    if (this.#queue.clock.now() >= this.#ends) return false
    this.#left--
    this.#give(lease.handOn())
    return true
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

  /** All of their calls end. */
  cancel(reason: unknown): void {
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

  #rest(): void {
    if (this.#members.size === 0 && !this.#asking && !this.#held) this.#queue.dissolve(this)
  }
}
