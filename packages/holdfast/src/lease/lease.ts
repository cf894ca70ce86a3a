import type { LocalClock } from '../base/clock.js'
import { HoldfastError, type LossReason, type Revoker } from '../base/errors.js'
import { events, type LockCall, type LockEvent, type LockType } from '../base/events.js'
import type { Timer } from '../base/runtime.js'
import { modeName, type Mode, type Push } from '../kernel/protocol.js'
import { marginOf } from './deadline.js'
import { lossOf } from './loss.js'
import { watched } from './watched.js'

/** What a grant gave: by reply or by push. Times are local ms. */
export interface Grant {
  readonly owner: string
  readonly fence: number
  readonly deadline: number
  /** What the lease had when it was granted, ms: a ttl, or a claim. Both without the lockDelay. */
  readonly length: number
  /** Server ms of the grant as it was told: an older verdict cannot contradict it. */
  readonly serverTime: number
  /** Local time: the server counts the tenure since then, or from a little later on. */
  readonly begun: number
  readonly run: string
  readonly pushed: boolean
  /** How many replicas have acknowledged it; 0 where none were asked. */
  readonly replicas: number
  /** What is shared with the call that was granted it, which may still wait for an answer. */
  readonly early?:
    | {
        readonly push: Push | undefined
        readonly wanted: boolean
        passedOn: boolean
        note(push: Push): void
      }
    | undefined
  /** Who goes on with it in this process. */
  succession?: Succession | undefined
  /** The lease of the holder before, of the same owner id, and when he let go: see {@link Lease.next}. */
  readonly follows?: Lease | undefined
  readonly at?: number | undefined
}

/** Those of this process who wait for a name while one of them holds it. */
export interface Succession {
  /** The holder lets go of it, at this local time. @returns whether the tenure goes on without him. */
  pass(lease: Lease, now: number): boolean
  /** This is the lease of whoever was granted it. */
  adopted(lease: Lease): void
  /** Somebody elsewhere wants the name. */
  wanted(): void
  /** The tenure is over; on the server as soon as it is told. */
  over(lease: Lease): void
}

/** Where a lease lives. */
export interface Host {
  readonly clock: LocalClock
  /** The lease ended, for a reason that is not its release. */
  lost(lease: Lease, reason: LossReason): void
}

/** What the lease is for. */
export interface Terms {
  readonly name: string
  readonly key: string
  readonly mode: Mode
  readonly type: LockType
  /** Free text that `inspect` shows. */
  readonly info: string
  readonly ttl: number
  readonly renew: boolean
  readonly margin: number | undefined
  readonly maxHold: number
  readonly holdAtLeast: number
  /** For how long the server keeps the name beyond the lease that is believed in here. */
  readonly lockDelay: number
  readonly timeout: number
  /** ms after which somebody is told that it is held for long; Infinity: never. */
  readonly expectedHold: number
  /** The call that asks for it, if somebody listens. */
  call?: LockCall | undefined
  /** What becomes of it goes there, too. */
  readonly history?: object | undefined
}

/**
 * `passing`: its holder has let go, and the tenure goes on for whoever is next in this process, if that is sound.
 * `ended` is terminal, whether by release or by loss.
 */
type State = 'held' | 'jeopardy' | 'passing' | 'ended'

/**
 * One tenure, as this process may believe in it. Timers trigger, clocks decide: whoever looks at it
 * (`signal.aborted` too) makes it read the clock, and it is lost a margin before its deadline,
 * whatever the server answers or does not. (Design I3; safety.md 3.3, H05, H06.)
 */
export class Lease {
  readonly terms: Terms
  readonly owner: string
  readonly fence: number
  readonly serverTime: number
  readonly run: string
  readonly heldSince: number
  readonly begun: number
  readonly #host: Host
  /** Made when somebody looks: it costs more than the rest of the lease, and many never do. */
  #controller: AbortController | null = null
  /** The same of the wish that it be let go. */
  #revoking: AbortController | null = null
  #revoked: HoldfastError | null = null
  readonly #early: Grant['early']
  /** Who goes on under the same owner id. */
  #heir: Lease | null = null
  #length: number
  #state: State = 'held'
  /** Of a tenure that is passing: a renewal failed, or said that it is over. */
  #shaky = false
  #deadline: number
  #ttl: number
  #lost: HoldfastError | null = null
  /** When to renew next, local time; Infinity while a renewal is under way, or none is wanted. */
  renewAt: number
  /** How many replicas have acknowledged the grant, or the last renewal; 0 where none were asked. */
  replicas: number
  /** Whether the process is to stay alive for this lease's timers. */
  keepAlive = false
  /** Tells when it is held for longer than expected. */
  overdue: Timer | null = null
  succession: Succession | undefined

  constructor(terms: Terms, grant: Grant, host: Host) {
    this.terms = terms
    this.owner = grant.owner
    this.fence = grant.fence
    this.serverTime = grant.serverTime
    this.run = grant.run
    this.#host = host
    this.#ttl = terms.ttl
    this.heldSince = grant.at ?? host.clock.now()
    this.begun = grant.begun
    this.replicas = grant.replicas
    this.#early = grant.early
    this.succession = grant.succession
    this.#length = grant.length
    this.#deadline = grant.deadline
    this.renewAt = terms.renew ? this.#third(grant.length) : Infinity
    if (grant.follows) this.#follow(grant.follows)
    grant.succession?.adopted(this)
  }

  /** Goes on with the lease of the holder before, as it is by now; and hears of its renewal, if one is under way. */
  #follow(before: Lease): void {
    this.#deadline = before.#deadline
    this.#length = before.#length
    this.renewAt = before.renewAt
    if (before.#shaky) this.#state = 'jeopardy'
    before.#heir = this
    before.#state = 'ended'
  }

  #third(length: number): number {
    return this.#deadline - (length * 2) / 3
  }

  /** When this lease counts as lost, unless it is renewed before. */
  get lostAt(): number {
    return Math.min(this.#deadline - this.#margin, this.#holdEnds)
  }

  get #margin(): number {
    return marginOf(this.#length, this.terms.margin)
  }

  get #holdEnds(): number {
    return this.heldSince + this.terms.maxHold
  }

  get deadline(): number {
    return this.#deadline
  }

  /** When the server forgets it, as far as is known: in local time, less the drift. */
  get ends(): number {
    return this.#deadline + this.terms.lockDelay
  }

  get ttl(): number {
    return this.#ttl
  }

  /** The lease of the last one who went on under this owner id; itself, if nobody did. */
  get latest(): Lease {
    return this.#heir?.latest ?? this
  }

  /**
   * Whether it is held, and nothing speaks against going on with it: no trouble, no wish that it be let go, no
   * other length than whoever is next has asked for.
   */
  soundAt(now: number): boolean {
    const state = this.#state
    const goesOn = state === 'held' || (state === 'passing' && !this.#shaky)
    const asIs = !this.#revoked && this.#ttl === this.terms.ttl
    return goesOn && asIs && now < this.soundUntil
  }

  /** When it is half over: until then another holder, with a `maxHold` of its own, may go on with it. */
  get soundUntil(): number {
    return this.#deadline - this.#margin - this.#length / 2
  }

  /** Since the grant, ms. */
  get heldFor(): number {
    return this.#host.clock.now() - this.heldSince
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  get signal(): AbortSignal {
    this.check()
    if (!this.#controller) {
      this.#controller = watched(() => void this.check())
      if (this.#lost) this.#controller.abort(this.#lost)
    }
    return this.#controller.signal
  }

  get validFor(): number {
    return this.check() ? Math.max(0, this.lostAt - this.#host.clock.now()) : 0
  }

  /** Why the lease was lost; null while it is held, and after an orderly release. */
  get lost(): HoldfastError | null {
    this.check()
    return this.#lost
  }

  /** @param now local time, as it was read just now. @returns whether the lease is still held. */
  check(now: number = this.#host.clock.now()): boolean {
    if (this.#state === 'ended' || this.#state === 'passing') return false
    if (now < this.lostAt) return true
    this.lose(now >= this.#holdEnds ? 'max-hold' : 'expired')
    return false
  }

  /** A renewal was confirmed. A late answer never revives a lost lease. */
  renewed(sent: number, remaining: number, deadline: number, replicas = 0): void {
    const passing = this.#state === 'passing'
    if (!passing && !this.check()) return
    this.replicas = replicas
    // The server never shortens a lease, so it may have more; what was asked for is what counts.
    const length = Math.min(remaining, this.#ttl)
    const ends = deadline - (remaining - length)
    const left = this.lostAt - this.#host.clock.now()
    if (ends > this.#deadline) {
      this.#length = length
      this.#deadline = ends
    }
    this.renewAt = this.terms.renew ? sent + length / 3 : Infinity
    if (passing) return
    this.#state = 'held'
    if (events.renewed.heard) {
      events.renewed({ ...this.event(), left, validFor: this.validFor })
    }
  }

  /** A renewal failed or was not answered: nothing changes but the time of the next try. */
  doubt(error: unknown, retryAt: number): void {
    if (this.#state === 'passing') {
      this.#shaky = true
      this.renewAt = retryAt
    }
    if (!this.check()) return
    this.renewAt = this.terms.renew ? retryAt : Infinity
    if (this.#state === 'jeopardy') return
    this.#state = 'jeopardy'
    events.jeopardy({ ...this.event(), left: this.lostAt - this.#host.clock.now(), error })
  }

  /** Asks for another length from now on. A shorter one ends the belief earlier, at once. */
  resize(ttl: number, deadline: number): void {
    this.#ttl = ttl
    if (deadline < this.#deadline) {
      this.#deadline = deadline
      this.#length = ttl
    }
  }

  /** Ends the lease for a reason that is not its release: terminal, and told at once. */
  lose(reason: LossReason): void {
    if (this.#state === 'passing') {
      // Whoever goes on finds out at once; after `close` nobody does.
      this.#shaky = true
      this.renewAt = this.#host.clock.now()
      if (reason === 'closed') this.#state = 'ended'
      return
    }
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.overdue?.cancel()
    const held = this.heldFor
    this.#lost = lossOf(this.terms.name, reason)
    this.#host.lost(this, reason) // First: whoever hears of it may close all that is held.
    events.lost({ ...this.event(), reason, fence: this.fence, held })
    this.succession?.over(this)
    this.#controller?.abort(this.#lost)
  }

  /** Aborts when somebody asks the holder to let go. */
  get revoked(): AbortSignal {
    if (!this.#revoking) {
      this.#revoking = new AbortController()
      if (this.#revoked) this.#revoking.abort(this.#revoked)
    }
    return this.#revoking.signal
  }

  /** Of the mailbox: its owner id holds the lock. */
  get holds(): boolean {
    return true
  }

  /** A message that somebody wants, forced or revoked the lock; without a subscription the next renewal tells it. */
  pushed(push: Push): void {
    if (push.kind === 'wanted') this.wanted()
    if (push.kind === 'forced') this.lose('forced')
    if (push.kind === 'revoked') this.revoke(push.by)
  }

  /** Somebody asks the holder to let go. Told once; lease and renewals go on. */
  revoke(by: Revoker): void {
    // Nobody has it; whoever goes on is told with its next renewal.
    if (this.#state === 'passing') this.wanted()
    if (this.#revoked || !this.check()) return
    const { name } = this.terms
    const who = by.label === undefined ? 'somebody' : JSON.stringify(by.label)
    const why = by.reason === undefined ? '' : `: ${by.reason}`
    const text = `${who} asked to let go of the lock ${JSON.stringify(name)}${why}`
    this.#revoked = new HoldfastError('ERR_REVOKED', text, { lock: name, by })
    events.revoked({ ...this.event(), fence: this.fence, by })
    this.#revoking?.abort(this.#revoked)
  }

  /** The orderly end: no signal, and nothing that arrives later changes it. */
  end(): void {
    this.#state = 'ended'
    this.overdue?.cancel()
    this.succession?.over(this)
  }

  /** Lets go of it, if another one of this process goes on. */
  pass(now: number): boolean {
    return this.succession?.pass(this, now) ?? false
  }

  /** The same end for its holder, while the tenure goes on for whoever is next in this process. */
  passing(): void {
    this.#state = 'passing'
    this.overdue?.cancel()
    // Before whoever goes on is granted it.
    if (!events.released.heard) return
    const { fence, heldFor: held } = this
    events.released({ ...this.event(), released: true, fence, held })
  }

  /** What whoever goes on from now on is granted: the same owner id, with the next of the tokens that are reserved. */
  next(at: number): Grant {
    const { owner, serverTime, begun, run, replicas } = this
    return {
      owner,
      fence: this.fence + 1,
      deadline: this.#deadline,
      length: this.#length,
      serverTime,
      begun,
      run,
      pushed: false,
      replicas,
      early: this.#early,
      follows: this,
      at,
    }
  }

  /** Somebody elsewhere wants the name. */
  wanted(): void {
    this.succession?.wanted()
  }

  /** The same here, but on the server the tenure goes on: nothing is to give it back. */
  passOn(): void {
    this.end()
    if (this.#early) this.#early.passedOn = true
  }

  event(): LockEvent {
    const { name, mode, type } = this.terms
    return { name, mode: modeName(mode), type, owner: this.owner }
  }
}
