import type { Duration } from '../base/duration.js'
import { watched } from '../lease/watched.js'
import type { Lock, ReleaseResult } from './lock.js'

/**
 * Several locks that are held together. Pass `signal` to whatever you do while you hold them, and to
 * each thing that you write to the fence of its own lock.
 */
export class LockSet implements AsyncDisposable {
  /** The locks, in the order in which they were asked for. */
  readonly locks: readonly Lock[]
  #signal: AbortSignal | null = null
  #revoked: AbortSignal | null = null
  #release: Promise<ReleaseResult> | null = null

  /** For this library only. */
  constructor(locks: readonly Lock[]) {
    this.locks = locks
  }

  /** The fencing token of each name. */
  get fences(): ReadonlyMap<string, number> {
    return new Map(this.locks.map(({ name, fence }) => [name, fence]))
  }

  /**
   * Aborts when the first of the locks is lost, as `signal` of a lock does; `reason` is that one's. The
   * others stay held until you release them.
   */
  get signal(): AbortSignal {
    this.#signal ??= first(this.locks.map(({ signal }) => signal))
    return this.#signal
  }

  /** Aborts when somebody asks for the first of the locks, as `revoked` of a lock does. */
  get revoked(): AbortSignal {
    this.#revoked ??= first(this.locks.map(({ revoked }) => revoked))
    return this.#revoked
  }

  /** For how many ms all locks are surely held without another renewal; 0 when one is not. */
  get validFor(): number {
    return Math.min(...this.locks.map(({ validFor }) => validFor))
  }

  /** How many replicas have acknowledged each of the locks, at least: see `Lock.replicas`. */
  get replicas(): number {
    return Math.min(...this.locks.map(({ replicas }) => replicas))
  }

  /** Whether all locks are held, by the clock. */
  get isHeld(): boolean {
    return this.locks.every(({ isHeld }) => isHeld)
  }

  /**
   * Throws unless all locks are held, by the clock. Costs nothing.
   *
   * @throws ERR_LOST, of the first that is not; also after the release.
   */
  assertHeld(): void {
    for (const lock of this.locks) lock.assertHeld()
  }

  /**
   * Asks the server whether all locks are still held, and renews them: one round trip.
   *
   * @throws ERR_LOST when one is not; ERR_UNAVAILABLE when the server does not say.
   */
  verify(): Promise<void> {
    return this.#each((lock) => lock.verify())
  }

  /**
   * Sets the remaining time of every lease, as `extend` of a lock does.
   *
   * @param ms at least 50 ms, or 300 ms when one of the leases is renewed.
   * @throws ERR_LOST, ERR_UNAVAILABLE, ERR_INVALID_ARGUMENT
   */
  async extend(ms: Duration): Promise<void> {
    // Before the first of them is changed.
    for (const lock of this.locks) lock.lengthOf(ms)
    await this.#each((lock) => lock.extend(ms))
  }

  /** Waits for all, so that nothing is under way any more when it fails. */
  async #each(work: (lock: Lock) => Promise<void>): Promise<void> {
    this.assertHeld()
    const ends = await Promise.allSettled(this.locks.map(work))
    this.assertHeld()
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /**
   * Releases all locks: one round trip for those that share a server's slot. Never throws; calling it
   * again gives the same result. `released` is true if all were; else `reason` says what became of one
   * that was not, and `release` of each of `locks` the same of itself. `keptFor` is the longest of them.
   */
  release(): Promise<ReleaseResult> {
    this.#release ??= this.#doRelease()
    return this.#release
  }

  async #doRelease(): Promise<ReleaseResult> {
    const results = await Promise.all(this.locks.map((lock) => lock.release()))
    const failed = results.find(({ released }) => !released)
    const kept = Math.max(...results.map(({ keptFor = -1 }) => keptFor))
    return failed ?? (kept < 0 ? { released: true } : { released: true, keptFor: kept })
  }

  /** `release`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}

/** Aborts with the first of these. */
function first(signals: readonly AbortSignal[]): AbortSignal {
  const controller = watched(() => {
    for (const signal of signals) if (signal.aborted) follow(signal)
  })
  const follow = (signal: AbortSignal): void => controller.abort(signal.reason)
  for (const signal of signals) {
    if (signal.aborted) follow(signal)
    else signal.addEventListener('abort', () => follow(signal), { once: true })
  }
  return controller.signal
}
