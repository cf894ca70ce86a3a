import { milliseconds, type Duration } from '../base/duration.js'
import { HoldfastError, invalid } from '../base/errors.js'
import { events } from '../base/events.js'
import type { Lease } from '../lease/lease.js'
import { deadlineOfReply } from '../lease/deadline.js'
import { cutLoose, hangsOn } from './deadlock.js'
import type { Answer } from '../quorum/node.js'
import type { Engine } from './engine.js'
import { Tenure } from './tenure.js'
import { encodeToken } from './token.js'
import { downgrade, part } from './turn.js'

/**
 * What a release did. `lost`: the lease was over before, so there was nothing to release.
 * `unavailable`: the server could not be told; it is told again in the background for as long as the
 * lease lasts, and forgets it then by itself. `held`: other handles of the same owner still hold the
 * lock; the last of them releases it.
 */
export interface ReleaseResult {
  /** Whether this call gave the name back to the server. */
  readonly released: boolean
  /** Why it did not; missing if it did. */
  readonly reason?: 'lost' | 'unavailable' | 'held'
  /**
   * For how many ms more the server keeps the name from others, because of `holdAtLeast`; missing where
   * it does not.
   */
  readonly keptFor?: number
}

/**
 * A lock that is held. Pass `signal` to whatever you do while you hold it, and `fence` to whatever
 * you write to: the signal tells of the loss before it happens, the fence lets the resource refuse
 * a write that comes too late all the same.
 */
export class Lock implements AsyncDisposable {
  readonly #engine: Engine
  readonly #lease: Lease
  /** Made when there is to be another handle, or somebody hears of its end. */
  #tenure: Tenure | null
  /**
   * Called once, when this handle is released.
   *
   * @internal
   */
  onRelease: (() => void) | null = null
  #release: Promise<ReleaseResult> | null = null
  /** Whoever hears of its end may call again before there is a promise. */
  #releasing = false
  #how = 'released'

  /**
   * @param tenure of another handle of the same lease.
   */
  constructor(engine: Engine, lease: Lease, tenure: Tenure | null = null) {
    this.#engine = engine
    this.#lease = lease
    this.#tenure = tenure
    if (tenure) tenure.count++
  }

  /** @internal */
  get tenure(): Tenure {
    this.#tenure ??= new Tenure(this.#lease, this.#release ? 0 : 1)
    return this.#tenure
  }

  /** @internal */
  get lease(): Lease {
    return this.#lease
  }

  /** This handle is released. @returns whether it was the last. */
  #leave(): boolean {
    return this.#tenure?.leave() ?? true
  }

  /** The lock's name. */
  get name(): string {
    return this.#lease.terms.name
  }

  /** The owner id of this acquisition, as `inspect` shows it. It is no secret. */
  get owner(): string {
    return this.#lease.owner
  }

  /** The fencing token: larger than that of every earlier grant of this name. An exact integer. */
  get fence(): number {
    return this.#lease.fence
  }

  /**
   * Aborts before the lease can no longer be proved, whatever the server does; `reason` is an
   * ERR_LOST error. `signal.aborted` reads the clock, so it is right even after a blocked event loop.
   * It does not abort at the release.
   */
  get signal(): AbortSignal {
    return this.#lease.signal
  }

  /**
   * Aborts when somebody asks for this lock by `locks.revoke(name)`: let go of it soon, please. The
   * lock stays held and renewed until you release it. `reason` is an ERR_REVOKED error that says who
   * asked and why, if they told. It comes by message if this Holdfast has ever waited for a lock, else
   * with the next renewal (or `verify`).
   */
  get revoked(): AbortSignal {
    return this.#lease.revoked
  }

  /** For how many ms the lock is surely held without another renewal; 0 when it is not. */
  get validFor(): number {
    return this.#release ? 0 : this.#lease.validFor
  }

  /**
   * How many replicas have acknowledged the grant, or the last renewal: at least as many as the option
   * `replicas` asks for; 0 without it.
   */
  get replicas(): number {
    return this.#lease.replicas
  }

  /** Whether the lock is held, by the clock: not lost, and this handle not released. */
  get isHeld(): boolean {
    return !this.#release && this.#lease.check()
  }

  /**
   * How many handles hold the lock: 1, and one more for each re-entry that has not ended; 0 when it
   * is not held.
   */
  get holdCount(): number {
    return this.isHeld ? (this.#tenure?.count ?? 1) : 0
  }

  /**
   * Throws unless the lock is held, by the clock. Costs nothing: call it before each step.
   *
   * @throws ERR_LOST; also after the release.
   */
  assertHeld(): void {
    if (!this.isHeld) throw this.#gone()
  }

  #gone(): HoldfastError {
    const { name } = this
    return (
      this.#lease.lost ??
      new HoldfastError('ERR_LOST', `the lock ${JSON.stringify(name)} was ${this.#how}`, {
        lock: name,
        reason: 'gone',
      })
    )
  }

  /**
   * Asks the server whether the lock is still held, and renews it: one round trip. When it resolves,
   * no later holder existed at the time of the call.
   *
   * @throws ERR_LOST when it is not; ERR_UNAVAILABLE when the server does not say.
   */
  async verify(): Promise<void> {
    this.assertHeld()
    const trouble = await this.#engine.renewer.renew(this.#lease)
    this.assertHeld()
    if (trouble) throw trouble
  }

  /**
   * Sets the remaining time of the lease, and what renewals ask for from now on. A shorter time
   * counts here at once; the server, which never shortens a lease, may keep the name for the rest of
   * the earlier one if this process dies.
   *
   * @param ms at least 50 ms, or 300 ms when the lease is renewed.
   * @throws ERR_LOST; ERR_UNAVAILABLE when the server does not say (the new length counts all the
   * same, but a longer one only once a renewal is confirmed); ERR_INVALID_ARGUMENT
   */
  async extend(ms: Duration): Promise<void> {
    const ttl = this.lengthOf(ms)
    this.assertHeld()
    const { clock, drift } = this.#engine
    this.#lease.resize(ttl, deadlineOfReply(clock.now(), ttl, drift))
    // For its new end, which may come before there is an answer.
    this.#engine.renewer.arm(this.#lease)
    await this.verify()
  }

  /**
   * What `extend` is to set.
   *
   * @internal
   * @throws ERR_INVALID_ARGUMENT
   */
  lengthOf(ms: Duration): number {
    const { renew, lockDelay } = this.#lease.terms
    const ttl = milliseconds('ms', ms, renew ? 300 : 50)
    this.#engine.checkLease('ms', ttl + lockDelay)
    return ttl
  }

  /**
   * Releases the lock: one round trip, and the next in line has it; with `holdAtLeast` when that time is
   * over, which is not waited for here. Never throws; calling it again gives the same result, and
   * counts once. Of the handles of a re-entrant lock the last one does this, the others only count down.
   */
  release(): Promise<ReleaseResult> {
    if (this.#release) return this.#release
    // By whoever hears of it while it is being done: the same result, and it counts once.
    if (this.#releasing) return Promise.resolve().then(() => this.#release!)
    this.#releasing = true
    this.#release = this.#doRelease()
    this.onRelease?.()
    return this.#release
  }

  async #doRelease(): Promise<ReleaseResult> {
    const lease = this.#lease
    const last = this.#leave()
    const now = this.#engine.clock.now()
    if (!lease.check(now)) return { released: false, reason: 'lost' }
    if (!last) return { released: false, reason: 'held' }
    const held = events.released.heard ? lease.heldFor : 0
    const { fence } = lease
    if (!hangsOn(lease) && lease.pass(now)) return { released: true }
    lease.end()
    this.#engine.renewer.remove(lease)
    const { key, timeout, holdAtLeast } = lease.terms
    const { orphans } = this.#engine
    const answer = await orphans.release(lease.owner, key, timeout, lease.ends, holdAtLeast)
    const result = resultOf(answer)
    const { released } = result
    if (events.released.heard) events.released({ ...lease.event(), released, fence, held })
    return result
  }

  /**
   * Goes on as a reader: one round trip, and nobody writes in between. Readers who wait at the head of
   * the line are let in by the same step. This lock is over, from the call on: the one that it gives is
   * another, with its own owner id, fence, signal, lease and `maxHold`, and has to be released. A
   * `release` of this one then does nothing more.
   *
   * @throws ERR_LOST when this one was over, ERR_UNAVAILABLE when the server does not say, ERR_CONFIG,
   * ERR_CLOSED: then nothing is held any more. ERR_INVALID_ARGUMENT for a lock that is shared already.
   */
  async downgrade(): Promise<Lock> {
    const { mode, name } = this.#lease.terms
    if (mode !== 'x') throw invalid('lock', name, 'a mutex or a writer: others are shared already')
    this.#assertAlone()
    this.#how = 'downgraded'
    const reader = downgrade(this.#engine, this.#lease)
    this.#leave()
    this.#release = reader.then(
      () => ({ released: true }),
      (error: HoldfastError) => ({
        released: false,
        reason: error.code === 'ERR_LOST' ? 'lost' : 'unavailable',
      }),
    )
    this.onRelease?.()
    const lock = new Lock(this.#engine, await reader)
    // Closed in the turn of the grant: then it was released with all that was held.
    this.#engine.assertOpen()
    this.#tenure?.keeper?.(lock.tenure)
    return lock
  }

  /** The other handles of the lease would be over without a word. */
  #assertAlone(): void {
    const { name } = this
    if (this.#tenure && this.#tenure.count > 1)
      throw invalid('lock', name, 'one that a single handle has: release the others first')
    this.assertHeld()
  }

  /**
   * Hands the lock to another process: renews it to its full `ttl` (one round trip), and gives a token with
   * which `takeOver` of another Holdfast, with the same prefix and server, goes on. Nobody gets in
   * between. This lock is over when it resolves: not held, not renewed, and a `release` does nothing
   * more. If nobody takes it over, the name is free when the lease ends.
   *
   * The token is safe in URLs, and works once. Whoever has it and may use the server has the lock.
   *
   * @throws ERR_LOST; ERR_UNAVAILABLE when the server does not say: then it is still held here.
   * ERR_INVALID_ARGUMENT for a lock that is held by several handles.
   */
  async handOver(): Promise<string> {
    this.#assertAlone()
    await this.verify()
    // A release, or a re-entry, may have come meanwhile.
    this.#assertAlone()
    const lease = this.#lease
    this.#how = 'handed over'
    part(this.#engine, lease)
    this.#leave()
    this.#release = Promise.resolve({ released: true })
    this.onRelease?.()
    const { fence, heldFor: held } = lease
    events.released({ ...lease.event(), released: true, fence, held })
    await cutLoose(this.#engine, lease)
    const { name, mode } = lease.terms
    return encodeToken({ prefix: this.#engine.prefix, name, mode, owner: lease.owner })
  }

  /**
   * One more handle of the same lease.
   *
   * @internal
   */
  again(): Lock {
    return new Lock(this.#engine, this.#lease, this.tenure)
  }

  /** `release`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  // What console.log shows: the fields are nobody's business.
  static {
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value: shown,
    })
  }
}

/** The name of its class is all that is shown where Node goes no deeper. */
function shown(
  this: Lock,
  depth: number,
  options: object,
  inspect: (value: object, options: object) => string,
): string {
  if (depth < 0) return '[Lock]'
  const { name, fence, isHeld, validFor } = this
  return `Lock ${inspect({ name, fence, held: isHeld, validFor }, options)}`
}

/** What the answer to a release means; null: there was none. */
export function resultOf(answer: Answer | null): ReleaseResult {
  const [status, , , , , , ends] = answer?.verdict ?? []
  if (status === 'released') return { released: true }
  if (status === 'kept')
    return { released: true, keptFor: Math.max(0, Math.ceil(Number(ends) - answer!.now)) }
  return { released: false, reason: answer ? 'lost' : 'unavailable' }
}
