import { HoldfastError } from '../base/errors.js'
import { Scope } from './context.js'
import type { Engine } from './engine.js'
import { exception, read, type Asked } from './lock-manager-asked.js'
import type { Lock } from './lock.js'
import type { HandoverOptions, LockOptions } from './options.js'
import { more } from './parts.js'
import { Taker } from './taker.js'

/** Exclusive: one holder, and nobody beside it. Shared: many, and no exclusive one. */
export type LockManagerMode = 'exclusive' | 'shared'

/** Options of `LockManager.request`. */
export interface LockRequestOptions {
  /** Default `exclusive`. The two are the sides of the read/write lock of the name. */
  readonly mode?: LockManagerMode | undefined
  /** One try: when it is taken the callback is given null. Default false. */
  readonly ifAvailable?: boolean | undefined
  /**
   * Ends whoever holds the name, and comes before all who wait. Default false. A holder that is ended
   * may not know it yet and still work: only `fence` protects then.
   */
  readonly steal?: boolean | undefined
  /** Ends the wait: rejects with `signal.reason`. Not looked at any more once the lock is granted. */
  readonly signal?: AbortSignal | undefined
}

/** What the callback of `request` is given: what the specification says, and two things of ours. */
export interface GrantedLock {
  readonly name: string
  readonly mode: LockManagerMode
  /** Aborts before the lease can no longer be proved: see `Lock.signal`. */
  readonly signal: AbortSignal
  /** The fencing token: see `Lock.fence`. */
  readonly fence: number
}

/** A holder or a waiter, in what `query` gives. */
export interface LockManagerInfo {
  readonly name: string
  readonly mode: LockManagerMode
  /** One for each Holdfast; missing for a holder of another library. */
  readonly clientId?: string
}

/** What `query` gives. */
export interface LockManagerSnapshot {
  /** At most 100 of each name. */
  readonly held: LockManagerInfo[]
  /** In the order of the line, at most 100 of each name. */
  readonly pending: LockManagerInfo[]
}

export type Callback<Given, T> = (lock: Given) => T | Promise<T>

/**
 * Locks in the shape of the Web Locks API, `navigator.locks`: across processes and machines where the
 * browser's are across the tabs of an origin. https://w3c.github.io/web-locks/
 *
 * ```ts
 * const manager = locks.lockManager()
 * await manager.request('invoice:42', async ({ signal, fence }) => { ... })
 * ```
 */
export class LockManager {
  readonly #engine: Engine
  readonly #options: LockOptions & HandoverOptions

  /** For this library only. */
  constructor(engine: Engine, options: LockOptions) {
    engine.settings(options)
    this.#engine = engine
    // Each request has a place of its own: `query` shows them all.
    this.#options = { ...options, localHandovers: 0 }
  }

  /**
   * Takes the lock, runs the callback, and releases the lock, however the callback ends. Waits without
   * limit, first come, first served.
   *
   * It rejects with an `AbortError` at once when the lock is lost or stolen while the callback runs (an
   * ERR_LOST error, its `cause`, says why): the callback is not stopped, and is to watch `signal`.
   *
   * @returns what the callback gives.
   * @throws the callback's own error; `signal.reason` when aborted. DOMExceptions: `AbortError`;
   * `NotSupportedError` for options that exclude each other, and for a name that begins with `-` or that
   * no lock can have. TypeError for an argument of a wrong kind, and for an option that does not exist.
   * ERR_DEADLOCK when a callback or `use` around the call holds the lock, and when it was the last of
   * those that wait in a circle; ERR_CONFIG, ERR_CLOSED; ERR_UNAVAILABLE with `ifAvailable` or `steal`.
   */
  request<T>(name: string, callback: Callback<GrantedLock, T>): Promise<T>
  /** The same with options. Without `ifAvailable` the callback always has a lock. */
  request<T>(
    name: string,
    options: LockRequestOptions & { readonly ifAvailable?: false | undefined },
    callback: Callback<GrantedLock, T>,
  ): Promise<T>
  /** The same with options. With `ifAvailable` the callback is given null where the name is taken. */
  request<T>(
    name: string,
    options: LockRequestOptions,
    callback: Callback<GrantedLock | null, T>,
  ): Promise<T>
  async request<T>(...given: readonly unknown[]): Promise<T> {
    const engine = this.#engine
    const asked = read<T>(given, engine.prefix)
    // Nothing is awaited before the lock is asked for: what is called after it comes after it.
    const lock = await this.#take(asked)
    return lock ? run(engine, lock, asked) : asked.callback(null)
  }

  async #take({ name, mode, ifAvailable, steal, signal }: Asked): Promise<Lock | null> {
    const [engine, options] = [this.#engine, this.#options]
    if (steal) return (await engine.with(more)).stolen(engine, options, name)
    const [how, type] = mode === 'shared' ? (['s', 'read'] as const) : (['x', 'mutex'] as const)
    const taker = new Taker(engine, name, how, options, type)
    return ifAvailable ? taker.tryAcquire() : taker.acquire({ signal, wait: Infinity })
  }

  /**
   * Who holds and who waits, of all names under the prefix that somebody holds, whatever they were taken
   * by. A name that is only waited for (for the moment between the end of a lease and the next grant) is
   * missing; holders of permits are `shared`, one of another library is `exclusive`. By a SCAN in steps,
   * and one question for each name: for people, not for programs that run often.
   *
   * @throws ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED
   */
  async query(): Promise<LockManagerSnapshot> {
    return (await this.#engine.with(more)).snapshot(this.#engine)
  }
}

function run<T>(engine: Engine, lock: Lock, { name, mode, callback }: Asked<T>): Promise<T> {
  const place = { engine, name, mode: mode === 'shared' ? 's' : 'x' } as const
  const scope = new Scope({ ...place, reentrant: false }, lock)
  const { signal, fence } = lock
  return new Promise<T>((resolve, reject) => {
    const lost = (): void => reject(aborted(name, signal.reason))
    if (signal.aborted) lost()
    signal.addEventListener('abort', lost, { once: true })
    scope.run(() => callback({ name, mode, signal, fence })).then(resolve, reject)
  })
}

function aborted(name: string, cause: unknown): Error {
  const why =
    cause instanceof HoldfastError ? cause.message : `the lock ${JSON.stringify(name)} was lost`
  return exception('AbortError', why, cause)
}
