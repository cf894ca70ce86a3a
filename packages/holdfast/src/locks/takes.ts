import { HoldfastError, invalid } from '../base/errors.js'
import type { Inside } from './context.js'
import { checkTry, type AcquireOptions } from './options.js'

/** What `tryUse` did. */
export type TryUseResult<T> = { readonly ran: false } | { readonly ran: true; readonly result: T }

/**
 * What can be taken: one lock, or several together. Making one costs nothing and asks nothing; keep it
 * or make it anew for each use.
 *
 * `Held` is what the caller has then, `Asked` the options with their defaults filled in.
 */
export abstract class Takes<Held, Options extends AcquireOptions, Asked> {
  /**
   * Whether a call may ask for several permits.
   *
   * @internal
   */
  protected abstract readonly permits: boolean

  /** @internal */
  abstract with(options: Options | undefined): Asked

  /** @internal */
  abstract take(asked: Asked): Promise<Held>

  /**
   * For `use`: takes the lock for what runs inside.
   *
   * @internal
   */
  abstract enter(asked: Asked): Promise<Inside<Held>>

  /**
   * Takes the lock; waits in line. The caller must release it.
   *
   * @throws ERR_TIMEOUT when `wait` passes, ERR_TAKEN with `wait: 0` (both say who holds it),
   * ERR_DEADLOCK when a `use` around the call holds it, and when it was the last of those that wait in
   * a circle, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT; `signal.reason` when
   * aborted.
   */
  async acquire(options?: Options): Promise<Held> {
    return this.take(this.with(options))
  }

  /**
   * One try.
   *
   * @returns null when the lock is taken.
   * @throws as `acquire`, but never ERR_TAKEN or ERR_TIMEOUT.
   */
  async tryAcquire(options?: Omit<Options, 'wait'>): Promise<Held | null> {
    if (options !== undefined) checkTry(options, this.permits)
    return unlessTaken(this.acquire({ ...options, wait: 0 } as unknown as Options))
  }

  /**
   * Takes the lock, runs the function, and releases the lock, however the function ends.
   *
   * @throws the function's own error, always; ERR_LOST when the function succeeded but the lease was
   * lost meanwhile (its `result` is on the error); else as `acquire`.
   */
  async use<T>(fn: (held: Held) => T | Promise<T>, options?: Options): Promise<T> {
    checkFunction(fn)
    return (await this.enter(this.with(options))).run(fn)
  }

  /** `use`, if the lock is free now: `{ ran: false }` when it is taken. */
  async tryUse<T>(
    fn: (held: Held) => T | Promise<T>,
    options?: Omit<Options, 'wait'>,
  ): Promise<TryUseResult<T>> {
    checkFunction(fn)
    if (options !== undefined) checkTry(options, this.permits)
    const once = { ...options, wait: 0 } as unknown as Options
    const scope = await unlessTaken(this.enter(this.with(once)))
    return scope ? { ran: true, result: await scope.run(fn) } : { ran: false }
  }
}

/** What one try gave; null when the name is taken. */
export async function unlessTaken<T>(one: Promise<T>): Promise<T | null> {
  try {
    return await one
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'ERR_TAKEN') return null
    throw error
  }
}

/** Before anything is locked for it. */
function checkFunction(fn: unknown): void {
  if (typeof fn !== 'function') throw invalid('fn', fn, 'a function')
}
