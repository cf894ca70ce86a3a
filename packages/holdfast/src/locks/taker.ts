import { HoldfastError, invalid } from '../base/errors.js'
import type { Mode } from '../kernel/protocol.js'
import type { Engine } from './engine.js'
import type { Lock } from './lock.js'
import {
  checkCall,
  checkTry,
  type AcquireOptions,
  type LockOptions,
  type Settings,
} from './options.js'

/** What `tryUse` did. */
export type TryUseResult<T> = { readonly ran: false } | { readonly ran: true; readonly result: T }

/**
 * What every kind of lock is taken by: a name in one mode. Making one costs nothing and asks nothing;
 * keep it or make it anew for each use.
 */
export class Taker<Options extends AcquireOptions = AcquireOptions> {
  readonly name: string
  readonly #engine: Engine
  readonly #mode: Mode
  #options: LockOptions
  #settings: Settings

  /** @internal */
  constructor(engine: Engine, name: string, mode: Mode, options: LockOptions) {
    this.name = name
    this.#engine = engine
    this.#mode = mode
    this.#options = options
    this.#settings = engine.settings(options)
  }

  /** @internal */
  protected change(options: LockOptions): void {
    this.#options = options
    this.#settings = this.#engine.settings(options)
  }

  #with(options: Options | undefined): Settings {
    if (options === undefined) return this.#settings
    checkCall(options, this.#mode === 'p')
    return this.#engine.settings({ ...this.#options, ...options })
  }

  /**
   * Takes the lock; waits in line, first come, first served. The caller must release it.
   *
   * @throws ERR_TIMEOUT when `wait` passes, ERR_TAKEN with `wait: 0` (both say who holds it),
   * ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT; `signal.reason` when aborted.
   */
  async acquire(options?: Options): Promise<Lock> {
    return this.#engine.acquire(this.name, this.#mode, this.#with(options))
  }

  /**
   * One try.
   *
   * @returns null when the lock is taken.
   * @throws as `acquire`, but never ERR_TAKEN or ERR_TIMEOUT.
   */
  async tryAcquire(options?: Omit<Options, 'wait'>): Promise<Lock | null> {
    if (options !== undefined) checkTry(options, this.#mode === 'p')
    try {
      return await this.acquire({ ...options, wait: 0 } as unknown as Options)
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'ERR_TAKEN') return null
      throw error
    }
  }

  /**
   * Takes the lock, runs the function, and releases the lock, however the function ends.
   *
   * @throws the function's own error, always; ERR_LOST when the function succeeded but the lease was
   * lost meanwhile (its `result` is on the error); else as `acquire`.
   */
  async use<T>(fn: (lock: Lock) => T | Promise<T>, options?: Options): Promise<T> {
    checkFunction(fn)
    return this.#run(await this.acquire(options), fn)
  }

  /** `use`, if the lock is free now: `{ ran: false }` when it is taken. */
  async tryUse<T>(
    fn: (lock: Lock) => T | Promise<T>,
    options?: Omit<Options, 'wait'>,
  ): Promise<TryUseResult<T>> {
    checkFunction(fn)
    const lock = await this.tryAcquire(options)
    return lock ? { ran: true, result: await this.#run(lock, fn) } : { ran: false }
  }

  async #run<T>(lock: Lock, fn: (lock: Lock) => T | Promise<T>): Promise<T> {
    const done = lock.hold()
    let result: T
    try {
      result = await fn(lock)
    } catch (error) {
      done()
      await lock.release()
      throw error
    }
    const lost = done()
    await lock.release()
    if (!lost) return result
    const { message } = lost
    const facts = { lock: this.name, reason: lost.reason!, result, cause: lost }
    throw new HoldfastError('ERR_LOST', `${message}, while the function ran`, facts)
  }
}

/** Before anything is locked for it. */
function checkFunction(fn: unknown): void {
  if (typeof fn !== 'function') throw invalid('fn', fn, 'a function')
}
