import type { LockType } from '../base/events.js'
import type { Mode } from '../kernel/protocol.js'
import { holdsHere, refuseDeadlock, Scope } from './context.js'
import type { Asking } from './asked.js'
import type { Engine } from './engine.js'
import type { Recorded } from './history-options.js'
import type { Lock } from './lock.js'
import {
  checkCall,
  checkTry,
  type AcquireOptions,
  type HandoverOptions,
  type LockOptions,
  type PermitOptions,
} from './options.js'
import { splitOwner, type Owned, type Owner } from './owner.js'
import type { Settings } from './settings.js'
import { Takes, unlessTaken } from './takes.js'

/** One name as `all` asks for it. */
export interface Wanted {
  readonly name: string
  readonly mode: Mode
  readonly settings: Settings
}

/** What every kind of lock is taken by: a name in one mode. */
export class Taker<Options extends AcquireOptions = AcquireOptions> extends Takes<
  Lock,
  Options,
  Asking
> {
  readonly #engine: Engine
  #options: LockOptions & HandoverOptions
  #asked: Asking

  /** For this library only. */
  constructor(
    engine: Engine,
    name: string,
    mode: Mode,
    options: LockOptions & HandoverOptions & Recorded,
    type: LockType,
  ) {
    super()
    this.#engine = engine
    this.#options = options
    const history = engine.keepHistory(name, options.history)
    this.#asked = engine.asking({ name, mode, type, history }, options)
  }

  /** As it was given, without the prefix. */
  get name(): string {
    return this.#asked.name
  }

  /** @internal */
  protected get permits(): boolean {
    return this.#mode === 'p'
  }

  get #mode(): Mode {
    return this.#asked.mode
  }

  /** @internal */
  protected change(options: LockOptions): void {
    this.#options = options
    this.#asked = this.#engine.asking(this.#asked, options)
  }

  /** @internal */
  with(options: Options | undefined): Asking {
    if (options === undefined) return this.#asked
    checkCall(options, this.permits)
    return this.#engine.asking(this.#asked, { ...this.#options, ...options })
  }

  /**
   * For `all`, whose options count for more than those of this lock. Null: of another Holdfast.
   *
   * @internal
   */
  wanted(engine: Engine, options: LockOptions & PermitOptions): Wanted | null {
    if (engine !== this.#engine) return null
    const settings = engine.settings({ ...this.#options, ...options }, this.#asked.type)
    return { name: this.name, mode: this.#mode, settings }
  }

  /**
   * Takes the lock; waits in line, first come, first served (in which bounds, the option `localHandovers`
   * says). The caller must release it.
   *
   * @throws ERR_TIMEOUT when `wait` passes, ERR_TAKEN with `wait: 0` (both say who holds it),
   * ERR_DEADLOCK when a `use` around the call (or the owner of the call) holds it, and when it was the
   * last of those that wait in a circle, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED,
   * ERR_INVALID_ARGUMENT; `signal.reason` when aborted.
   */
  override acquire(options?: Owned<Options>): Promise<Lock> {
    // Not asynchronous itself, so that there is one promise less for each call that waits.
    try {
      const { owner, rest } = splitOwner(this.#engine, options)
      const asked = this.with(rest)
      return owner ? this.own(owner, asked) : this.take(asked)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** @internal */
  protected own(owner: Owner, asked: Asking): Promise<Lock> {
    const take = (): Promise<Lock> => this.take(asked, owner)
    return owner.take(this.name, this.#mode, asked.wait, take)
  }

  /**
   * Not asynchronous itself, so that there is one promise less: what it throws, its caller rejects with.
   *
   * @internal
   */
  take(asked: Asking, owner?: Owner): Promise<Lock> {
    this.#engine.assertOpen()
    // One try does not wait: it is told that the name is taken.
    if (asked.wait > 0) refuseDeadlock(this.#engine, this.name, this.#mode)
    return this.#engine.acquire(asked, holdsHere(owner))
  }

  /** @internal */
  async enter(asked: Asking): Promise<Scope> {
    const lock = await this.take(asked)
    const { name } = this
    return new Scope({ engine: this.#engine, name, mode: this.#mode, reentrant: false }, lock)
  }

  /**
   * One try.
   *
   * @returns null when the lock is taken.
   * @throws as `acquire`, but never ERR_TAKEN or ERR_TIMEOUT.
   */
  override async tryAcquire(options?: Omit<Owned<Options>, 'wait'>): Promise<Lock | null> {
    const { owner, rest } = splitOwner(this.#engine, options as Owned<Options> | undefined)
    if (rest !== undefined) checkTry(rest, this.permits)
    return unlessTaken(this.acquire({ ...rest, owner, wait: 0 } as unknown as Owned<Options>))
  }
}
