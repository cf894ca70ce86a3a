import { HoldfastError, invalid } from '../base/errors.js'
import type { Mode } from '../kernel/protocol.js'
import { holdsHere, refuseDeadlock, Scope } from './context.js'
import type { Engine } from './engine.js'
import type { Lock } from './lock.js'
import {
  checkCall,
  checkTry,
  type AcquireOptions,
  type LockOptions,
  type Settings,
} from './options.js'
import { splitOwner, type Owned, type Owner } from './owner.js'

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

  /** @internal */
  with(options: Options | undefined): Settings {
    if (options === undefined) return this.#settings
    checkCall(options, this.#mode === 'p')
    return this.#engine.settings({ ...this.#options, ...options })
  }

  /**
   * Takes the lock; waits in line, first come, first served. The caller must release it.
   *
   * @throws ERR_TIMEOUT when `wait` passes, ERR_TAKEN with `wait: 0` (both say who holds it),
   * ERR_DEADLOCK when a `use` around the call (or the owner of the call) holds it, and when it was the
   * last of those that wait in a circle, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED,
   * ERR_INVALID_ARGUMENT; `signal.reason` when aborted.
   */
  async acquire(options?: Owned<Options>): Promise<Lock> {
    const { owner, rest } = splitOwner(this.#engine, options)
    const settings = this.with(rest)
    return owner ? this.own(owner, settings) : this.take(settings)
  }

  /** @internal */
  protected own(owner: Owner, settings: Settings): Promise<Lock> {
    const take = (): Promise<Lock> => this.take(settings, owner)
    return owner.take(this.name, this.#mode, settings.wait, take)
  }

  /** @internal */
  async take(settings: Settings, owner?: Owner): Promise<Lock> {
    this.#engine.assertOpen()
    // One try does not wait: it is told that the name is taken.
    if (settings.wait > 0) refuseDeadlock(this.#engine, this.name, this.#mode)
    return this.#engine.acquire(this.name, this.#mode, settings, holdsHere(owner))
  }

  /**
   * For `use`: takes the lock for what runs inside.
   *
   * @internal
   */
  async enter(settings: Settings): Promise<Scope> {
    const lock = await this.take(settings)
    const { name } = this
    return new Scope({ engine: this.#engine, name, mode: this.#mode, reentrant: false }, lock)
  }

  /**
   * One try.
   *
   * @returns null when the lock is taken.
   * @throws as `acquire`, but never ERR_TAKEN or ERR_TIMEOUT.
   */
  async tryAcquire(options?: Omit<Owned<Options>, 'wait'>): Promise<Lock | null> {
    const { owner, rest } = splitOwner(this.#engine, options as Owned<Options> | undefined)
    if (rest !== undefined) checkTry(rest, this.#mode === 'p')
    return unlessTaken(this.acquire({ ...rest, owner, wait: 0 } as unknown as Owned<Options>))
  }

  /**
   * Takes the lock, runs the function, and releases the lock, however the function ends.
   *
   * @throws the function's own error, always; ERR_LOST when the function succeeded but the lease was
   * lost meanwhile (its `result` is on the error); else as `acquire`.
   */
  async use<T>(fn: (lock: Lock) => T | Promise<T>, options?: Options): Promise<T> {
    checkFunction(fn)
    return (await this.enter(this.with(options))).run(fn)
  }

  /** `use`, if the lock is free now: `{ ran: false }` when it is taken. */
  async tryUse<T>(
    fn: (lock: Lock) => T | Promise<T>,
    options?: Omit<Options, 'wait'>,
  ): Promise<TryUseResult<T>> {
    checkFunction(fn)
    if (options !== undefined) checkTry(options, this.#mode === 'p')
    const once = { ...options, wait: 0 } as unknown as Options
    const scope = await unlessTaken(this.enter(this.with(once)))
    return scope ? { ran: true, result: await scope.run(fn) } : { ran: false }
  }
}

/** What one try gave; null when the name is taken. */
async function unlessTaken<T>(one: Promise<T>): Promise<T | null> {
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
