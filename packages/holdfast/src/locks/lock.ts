import { milliseconds, type Duration } from '../base/duration.js'
import { HoldfastError, invalid } from '../base/errors.js'
import { events } from '../base/events.js'
import type { Lease } from '../lease/lease.js'
import { deadlineOfReply } from '../lease/deadline.js'
import { downgrade } from './downgrade.js'
import type { Engine } from './engine.js'

/**
 * What a release did. `lost`: the lease was over before, so there was nothing to release.
 * `unavailable`: the server could not be told; it is told again in the background for as long as the
 * lease lasts, and forgets it then by itself.
 */
export interface ReleaseResult {
  readonly released: boolean
  readonly reason?: 'lost' | 'unavailable'
}

/**
 * A lock that is held. Pass `signal` to whatever you do while you hold it, and `fence` to whatever
 * you write to: the signal tells of the loss before it happens, the fence lets the resource refuse
 * a write that comes too late all the same.
 */
export class Lock implements AsyncDisposable {
  readonly #engine: Engine
  readonly #lease: Lease
  #release: Promise<ReleaseResult> | null = null
  #how = 'released'

  constructor(engine: Engine, lease: Lease) {
    this.#engine = engine
    this.#lease = lease
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

  /** For how many ms the lock is surely held without another renewal; 0 when it is not. */
  get validFor(): number {
    return this.#lease.validFor
  }

  /**
   * Throws unless the lock is held, by the clock. Costs nothing: call it before each step.
   *
   * @throws ERR_LOST; also after the release.
   */
  assertHeld(): void {
    if (!this.#lease.check()) throw this.#gone()
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
    const ttl = milliseconds('ms', ms, this.#lease.terms.renew ? 300 : 50)
    this.assertHeld()
    const { clock, drift } = this.#engine
    this.#lease.resize(ttl, deadlineOfReply(clock.now(), ttl, drift))
    await this.verify()
  }

  /**
   * Releases the lock: one round trip, and the next in line has it. Never throws; calling it again
   * gives the same result.
   */
  release(): Promise<ReleaseResult> {
    this.#release ??= this.#doRelease()
    return this.#release
  }

  async #doRelease(): Promise<ReleaseResult> {
    const lease = this.#lease
    if (!lease.check()) return { released: false, reason: 'lost' }
    lease.end()
    this.#engine.renewer.remove(lease)
    const { keys, timeout } = lease.terms
    const { orphans, clock } = this.#engine
    const held = clock.now() - lease.heldSince
    const answer = await orphans.release(lease.owner, keys, timeout, lease.deadline)
    const released = answer?.verdict[0] === 'released'
    events.released({ ...lease.event(), released, held })
    if (released) return { released }
    return { released, reason: answer ? 'lost' : 'unavailable' }
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
    if (mode !== 'x') throw invalid('lock', name, 'held by a writer: a reader cannot be downgraded')
    this.assertHeld()
    this.#how = 'downgraded'
    const reader = downgrade(this.#engine, this.#lease)
    this.#release = reader.then(
      () => ({ released: true }),
      (error: HoldfastError) => ({
        released: false,
        reason: error.code === 'ERR_LOST' ? 'lost' : 'unavailable',
      }),
    )
    return new Lock(this.#engine, await reader)
  }

  /**
   * For `use`: somebody waits for the function, so the timers of this lease keep the process alive.
   *
   * @internal
   * @returns a function that ends this, and says whether the lease was lost.
   */
  hold(): () => HoldfastError | null {
    this.#lease.keepAlive = true
    this.#engine.renewer.arm(this.#lease)
    return () => {
      this.#lease.keepAlive = false
      this.#engine.renewer.rest()
      return this.#lease.lost
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}
