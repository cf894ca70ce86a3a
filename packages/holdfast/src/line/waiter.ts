import { HoldfastError } from '../base/errors.js'
import { events } from '../base/events.js'
import { acquireFields, contention, type Push } from '../kernel/protocol.js'
import { marginOf } from '../lease/deadline.js'
import type { Grant } from '../lease/lease.js'
import type { Answer } from '../quorum/node.js'
import { classify, isConfig } from '../quorum/replies.js'
import {
  askForClaim,
  eventOf,
  grantOfClaim,
  grantOfPush,
  grantTo,
  grantOfReply,
  leftOver,
  tellQueued,
  type Granted,
} from './claim.js'
import { Early } from './early.js'
import type { Line } from './line.js'
import type { Recipient } from './mailbox.js'
import type { Queue } from './queue.js'
import { Backoff, CallTime, LEAST_GAP_MS } from './pace.js'
import { refusal, timeoutOf } from './refusal.js'
import type { Caller, Group, Wish } from './wish.js'

/** asking: a request is under way; parked: in the server's line; confirming: pushed, not yet sure. */
type State = 'asking' | 'parked' | 'confirming' | 'done'

/**
 * One call that wants a name: asks, stands in line, takes a pushed grant, gives up. An owner id only
 * goes forward (asked, granted, ended), and is never used for a second tenure.
 */
export class Waiter implements Recipient {
  /** The ticket and the place that the server gave; and when to ask next at the earliest. */
  ticket = 0
  rank = 0
  notBefore = 0
  /** The owner id that it asks with; who hears of another one; those that it asks for, if several. */
  owner: string
  onRename: (() => void) | null = null
  calls: { tellQueued(): void } | null = null
  readonly #queue: Queue
  readonly wish: Wish
  line: Line | null = null // Once it stands there.
  readonly #time: CallTime
  /** Those far behind do not all ask at the same moment. */
  readonly jitter: number
  #caller: Caller
  readonly #group: Group | undefined
  readonly #signal: AbortSignal | undefined
  #state: State = 'asking'
  /** Whether the server may know the owner id. */
  #sent = false
  /** A message came, or may have been missed, while a question was under way. */
  #stale = false
  #invited = false // To ask, because the name is free.
  #late = 0
  #early: Early | undefined // Made when there is something to tell.
  #taken: Grant | null = null
  #trouble: HoldfastError | null = null
  contention: ReturnType<typeof contention>
  readonly #backoff: Backoff

  /** @param group of calls: `wait` and `signal` of the wish are then not its own. */
  constructor(queue: Queue, wish: Wish, caller: Caller, group?: Group) {
    this.#queue = queue
    this.wish = wish
    this.contention = wish.contention ?? {}
    this.#caller = caller
    this.#group = group
    this.#signal = group ? undefined : wish.signal
    this.#time = new CallTime(queue, wish, group)
    this.jitter = queue.runtime.random()
    this.#backoff = new Backoff(queue.runtime)
    this.owner = this.#newOwner()
  }

  start(): void {
    if (this.#signal?.aborted) return this.giveUp(this.#signal.reason)
    if (this.#signal) this.#queue.onAbort(this.#signal, this)
    this.#time.start(this)
    void this.#ask()
  }

  /** Its time is over. */
  passed(): void {
    this.giveUp(this.outOfTime())
  }

  #newOwner(): string {
    const owner = this.#queue.newOwner()
    this.#queue.mailbox.register(owner, this)
    return owner
  }

  /** Goes to the end of the line under a new owner id: the old one's tenure is over. */
  #rename(): void {
    this.#queue.mailbox.unregister(this.owner)
    this.owner = this.#newOwner()
    this.#sent = false
    this.#early = undefined
    this.ticket = 0
    if (this.wish.place) this.wish.place.ticket = 0
    this.onRename?.()
  }

  /** The line's timer or a gap in the subscription: what does the server say? */
  askAgain(): void {
    if (this.#state !== 'parked') return
    this.#state = 'asking'
    void this.#ask()
  }

  /** As `askAgain`; and the answer to a question under way may be older than the gap. */
  missed(): void {
    if (this.#state === 'asking') this.#stale = true
    else this.askAgain()
  }

  async #ask(): Promise<void> {
    const { key, timeout, wait } = this.wish
    while (this.#state === 'asking') {
      const owner = this.owner
      const stand = wait > 0 && this.#queue.mailbox.live
      const ticket = String(this.ticket || this.wish.place?.ticket || (this.wish.ahead ? 1 : ''))
      let sent = false
      try {
        const answer = await this.#queue.node.ask('acquire', key, timeout, (notAfter) => {
          if (this.#state !== 'asking' || this.owner !== owner) return null
          this.#stale = false
          this.#sent = sent = true
          const limit = this.#time.within(notAfter)
          return acquireFields(owner, this.wish, stand, ticket, limit, this.#group?.reserve)
        })
        // A push, a cancel or a later question has overtaken this answer (review S13).
        if (this.owner !== owner || this.#over()) void this.#overtaken(owner, answer)
        if (this.#state !== 'asking' || this.owner !== owner) return
        this.#trouble = null
        const rests = this.#answered(answer)
        if (rests === true || (await rests)) return
      } catch (error) {
        if (sent && (this.owner !== owner || this.#over())) void this.#overtaken(owner, null)
        if (this.#state !== 'asking' || this.owner !== owner) return
        await this.#troubled(error)
      }
    }
  }

  #over(): boolean {
    return this.#state === 'done'
  }

  /**
   * An owner id was given up while this question was under way, and the release may have come before
   * it: nothing of it may stay on the server. Without an answer it is refused from now on, by its
   * notAfter, so that another release is the last word.
   */
  #overtaken(owner: string, answer: Answer | null): Promise<Answer | null> | undefined {
    // Accepted by a message, and held still: then it is the tenure that we have.
    if (this.#queue.mailbox.holds(owner)) return undefined
    const taken = owner === this.owner ? this.#taken : null
    const least = leftOver(answer, taken, this.wish)
    return least === null ? undefined : this.#giveBack(owner, least)
  }

  /** @returns whether asking is over for now. */
  #answered(answer: Answer): true | Promise<boolean> {
    const [status = '', ...rest] = answer.verdict
    if (status === 'granted') this.#granted(answer, rest)
    else if (status === 'queued') this.#queued(answer, rest)
    else return this.#refused(answer, status, rest)
    return true
  }

  async #refused(answer: Answer, status: string, rest: readonly string[]): Promise<boolean> {
    const { name, wait } = this.wish
    switch (status) {
      case 'taken':
        this.contention = contention(name, rest, answer.now)
        if (wait === 0) {
          this.giveUp(refusal('ERR_TAKEN', this.wish, this.contention))
          return true
        }
        // Subscribe before standing in line: a grant is told by a message.
        if (!this.#queue.mailbox.live) await this.#queue.openMailbox(this.wish.timeout)
        return false
      case 'forced':
      case 'unacknowledged':
        // Withheld from others until we let go of it; or it would be lost with the server. Asked for anew.
        void this.#giveBack()
        this.#rename()
        if (status === 'forced') return false
        await this.#troubled(new HoldfastError('ERR_UNAVAILABLE', rest[0]!))
        return false
      case 'lapsed':
        this.#queue.mailbox.suspect()
        this.#rename()
        this.#queue.othersAsk(this)
        return false
      case 'late':
        // Not carried out; its reply brought a sample of what may be a new server run.
        if (this.#late++ < 2) return false
        if (this.#time.ending) {
          // By our own limit, in the last moments: that is no trouble of the server's.
          await this.#backoff.pause()
          return false
        }
        throw new HoldfastError('ERR_UNAVAILABLE', 'the request reached the server too late')
      default:
        if (isConfig(rest[0] ?? '')) throw classify(new Error(rest[0]), 'the server', name)
        throw new HoldfastError('ERR_UNAVAILABLE', `the server could not do it: ${rest[0]}`)
    }
  }

  async #troubled(error: unknown): Promise<void> {
    const trouble = classify(error, 'the client', this.wish.name)
    this.#trouble = trouble
    if (trouble.code === 'ERR_CONFIG' || this.wish.wait === 0) return this.giveUp(trouble)
    // One that stands in line keeps its place; the others try again, each after a pause of its own.
    await this.#backoff.pause()
  }

  #queued(answer: Answer, rest: readonly string[]): void {
    const [rank, ticket, fresh, ...holder] = rest
    const returned = fresh === '1' && this.ticket !== 0
    this.rank = Number(rank)
    this.ticket = Number(ticket)
    if (this.wish.place) this.wish.place.ticket = this.ticket
    this.contention = contention(this.wish.name, holder, answer.now)
    this.#backoff.reset()
    this.#late = 0
    this.#state = 'parked'
    this.#invited = false
    this.notBefore = answer.received + LEAST_GAP_MS
    const foreign = this.contention.holder?.mode === 'foreign'
    const ends = this.contention.remaining
    this.line ??= this.#queue.enter(this.wish.name)
    this.line.told(foreign ? null : answer.received + (ends ?? 0), answer)
    this.line.park(this)
    if (events.queued.heard) tellQueued(this)
    this.wish.ahead?.(this.owner, this.contention.holder ?? null)
    // The line was lost on the server, and the others of this process with it.
    if (returned) this.#queue.othersAsk(this)
    // What came meanwhile may be newer than this answer (review S13).
    if (this.#stale) this.askAgain()
  }

  #granted(answer: Answer, rest: readonly string[]): void {
    // A place in line that ends without a message: one was lost, or the whole line, and with it the
    // places of the others.
    const stood = this.ticket !== 0 && !this.#invited
    if (stood && this.contention.holder?.mode !== 'foreign') this.#queue.mailbox.suspect()
    const [fence, ends, since] = rest.map(Number)
    const told = { ends: ends!, fence: fence!, since, pushed: false }
    this.#accept(grantOfReply(answer, told, this.wish, this.#queue))
    if (stood) this.#queue.othersAsk(this)
  }

  pushed(push: Push, received: number): void {
    if (push.kind !== 'first' && push.kind !== 'grant') (this.#early ??= new Early()).note(push)
    if (push.kind === 'first' && this.#state === 'parked') {
      // What the others of its process are told must not put it off.
      if (push.ends <= push.now) {
        this.#invited = true
        return this.askAgain()
      }
      this.rank = 0
      this.notBefore = 0
      this.line?.told(received + Math.max(0, push.ends - push.now), push)
      this.line?.park(this)
    }
    if (push.kind === 'first' && this.#state === 'asking') this.#stale = true
    if (push.kind === 'grant' && (this.#state === 'parked' || this.#state === 'asking')) {
      this.line?.leave(this)
      void this.#pushedGrant(push, received)
    }
  }

  async #pushedGrant(push: Push & { kind: 'grant' }, received: number): Promise<void> {
    const { grant, latency } = grantOfPush(this.#queue, this.wish, push, received)
    if (grant) {
      const { fence } = grant
      events.handover({ ...eventOf(this.wish, this.owner), fence, latency, confirmed: false })
      this.#accept(grant)
      return
    }
    this.#state = 'confirming'
    await this.#confirm(push)
    if (this.#state === 'confirming') {
      this.#state = 'asking'
      this.#rename()
      this.#queue.othersAsk(this)
      await this.#ask()
    }
  }

  /** Asks whether a pushed grant still stands, and for the full ttl; leaves the state if not. */
  async #confirm(push: Push & { kind: 'grant' }): Promise<void> {
    try {
      const answer = await askForClaim(this.#queue, this.wish, this.owner, {
        within: (notAfter) => this.#time.within(notAfter),
        wanted: () => this.#state === 'confirming',
      })
      if (this.#state !== 'confirming') return
      const grant = grantOfClaim(this.#queue, this.wish, push, answer)
      // It may stand all the same (forced, late): nobody else has it until we let go of it.
      if (!grant && answer.verdict[0] !== 'gone') void this.#giveBack()
      if (!grant) return
      const asked = answer.verdict[4]
      if (asked !== undefined) (this.#early ??= new Early()).learn(asked, this.owner, answer.now)
      const { fence } = grant
      events.handover({ ...eventOf(this.wish, this.owner), fence, latency: null, confirmed: true })
      this.#accept(grant)
    } catch (error) {
      this.#trouble = classify(error, 'the client', this.wish.name)
      // Unknown whether it stands: given back, and asked for anew.
      if (this.#state === 'confirming') void this.#giveBack()
    }
  }

  #accept(grant: Granted): void {
    const now = this.#queue.clock.now()
    // Whoever hears of the hand-over may have ended the call: then it was given back.
    if (this.#over()) return
    if (now >= grant.deadline - marginOf(grant.length, this.wish.margin)) {
      // The answer came when the lease was all but over: it is not a grant any more.
      this.#trouble = new HoldfastError('ERR_UNAVAILABLE', 'a grant came too late to be used')
      void this.#giveBack()
      if (this.wish.wait === 0) {
        this.#finish()
        this.#caller.failed(this.#trouble)
        return
      }
      this.#state = 'asking'
      this.#rename()
      void this.#ask()
      return
    }
    // After a message an answer may come that is older; what it leaves depends on what came of the tenure.
    if (grant.pushed) this.#early ??= new Early()
    this.#taken = grantTo(this.owner, grant, this.#early)
    const ends = grant.deadline + this.wish.lockDelay
    const line = this.#queue.lineAt(this.wish.name)
    // With nobody else there the line ends here.
    if (line && line.users > (this.line ? 1 : 0)) {
      line.told(ends, { now: grant.serverTime, run: grant.run })
    }
    this.#finish(true)
    this.#caller.granted(this.#taken)
  }

  /** What to say to a call whose time is over. */
  outOfTime(wish: Wish = this.wish): HoldfastError {
    return this.#trouble ?? refusal('ERR_TIMEOUT', wish, this.contention)
  }

  /**
   * Ends the call without a lock. What the server may hold for it is released.
   *
   * @param last of several callers: who is told why, and what that one asked for.
   */
  giveUp(reason: unknown, last?: Caller & { readonly wish: Wish }): void {
    if (this.#state === 'done') return
    if (last) this.#caller = last
    const { wish } = last ?? this
    const caller = this.#caller
    // A refusal leaves nothing behind; an answer that was never seen may have.
    const clean = reason instanceof HoldfastError && reason.code === 'ERR_TAKEN'
    const leaving = this.#sent && !clean ? this.#giveBack() : null
    const stood = this.ticket !== 0
    void leaving?.then((answer) => {
      if (stood && answer?.verdict[0] === 'gone') this.#queue.othersAsk(this)
    })
    this.#finish()
    const late = reason instanceof HoldfastError && reason.code === 'ERR_TIMEOUT'
    if (!late || !leaving) {
      caller.failed(reason)
      return
    }
    const { runtime } = this.#queue
    void timeoutOf(runtime, wish, leaving, reason).then((error) => caller.failed(error))
  }

  #giveBack(owner: string = this.owner, least = 0): Promise<Answer | null> {
    const { key, timeout, ttl, lockDelay } = this.wish
    const until = this.#queue.clock.now() + timeout + ttl + lockDelay
    return this.#queue.orphans.release(owner, key, timeout, until, least)
  }

  /** @param granted: who is told of it hears from now on what becomes of the owner id. */
  #finish(granted = false): void {
    this.#state = 'done'
    this.#time.cancel()
    this.#backoff.cancel()
    if (!granted) this.#queue.mailbox.unregister(this.owner)
    if (this.#signal) this.#queue.offAbort(this.#signal, this)
    this.#queue.forget(this)
  }
}
