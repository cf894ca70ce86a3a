import { invalid } from '../base/errors.js'
import { enclosing, Scope, type Place } from './context.js'
import type { Engine } from './engine.js'
import type { Lock } from './lock.js'
import { Mutex } from './mutex.js'
import { checkTry, type AcquireOptions, type MutexOptions, type Settings } from './options.js'
import { Owner } from './owner.js'
import { unlessTaken } from './taker.js'
import type { Patience } from './turns.js'

/** Options of an `acquire` that may re-enter. */
export interface OwnedAcquireOptions extends AcquireOptions {
  /** Who takes it, from `owner()` of the same Holdfast: what it holds already it gets at once. */
  readonly owner?: Owner | undefined
}

/**
 * A mutex that its holder may take again, without asking the server: with the same lease, signal and
 * fence, and options of the first. For `use` the holder is the function and whatever it calls, for
 * handles an explicit owner.
 */
export class ReentrantMutex extends Mutex {
  readonly #place: Place

  /** @internal */
  constructor(engine: Engine, name: string, options: MutexOptions) {
    super(engine, name, options)
    this.#place = { engine, name, mode: 'x', reentrant: true }
  }

  /**
   * As `acquire` of any mutex; what `owner` holds already it gets at once, as one more handle. The lock
   * is released when every handle is.
   *
   * @throws as `acquire` of any mutex; ERR_LOST when the owner's lease was lost, and not all of its
   * handles are released.
   */
  override async acquire(options?: OwnedAcquireOptions): Promise<Lock> {
    const { owner, rest } = this.#split(options)
    if (!owner) return super.acquire(rest)
    return this.#own(owner, this.with(rest))
  }

  override async tryAcquire(options?: Omit<OwnedAcquireOptions, 'wait'>): Promise<Lock | null> {
    const { owner, rest } = this.#split(options)
    if (!owner) return super.tryAcquire(rest)
    if (rest) checkTry(rest, false)
    return unlessTaken(this.#own(owner, this.with({ ...rest, wait: 0 })))
  }

  #split<T extends OwnedAcquireOptions>(
    options: T | undefined,
  ): { owner: Owner | undefined; rest: Omit<T, 'owner'> | undefined } {
    // What is no object of options is refused where all options are.
    if (typeof options !== 'object' || options === null) return { owner: undefined, rest: options }
    const { owner, ...rest } = options
    const known =
      owner === undefined || (owner instanceof Owner && owner.engine === this.#place.engine)
    if (!known) throw invalid('options.owner', owner, 'an owner() of the same Holdfast')
    return { owner, rest }
  }

  async #own(owner: Owner, settings: Settings): Promise<Lock> {
    const patience = this.#patience(settings)
    return owner.acquire(patience, () => this.take(this.#rest(settings, patience)))
  }

  /** @internal */
  override async enter(settings: Settings): Promise<Scope> {
    const patience = this.#patience(settings)
    const { engine, name, mode } = this.#place
    for (;;) {
      engine.assertOpen()
      const outer = enclosing(engine, name, mode)
      if (!outer?.lock || !outer.place.reentrant) break
      const { tenure } = outer.lock
      const { lost } = tenure.lease
      if (lost) throw lost
      if (!outer.turns.idle) outer.watch()
      if (!(await outer.turns.take(patience, tenure))) continue
      if (outer.lock?.isHeld) return new Scope(this.#place, outer.lock.again(), outer)
      // It ended meanwhile.
      outer.childLeft()
    }
    return new Scope(this.#place, await this.take(this.#rest(settings, patience)))
  }

  #patience({ wait, signal }: Settings): Patience {
    const { engine, name } = this.#place
    signal?.throwIfAborted()
    return { engine, name, wait, signal, end: engine.clock.now() + wait }
  }

  /** What is left of the wait, for the server's line. */
  #rest(settings: Settings, { engine, end, wait }: Patience): Settings {
    // A wait that is over is still no single try.
    return wait === 0 ? settings : { ...settings, wait: Math.max(1, end - engine.clock.now()) }
  }
}
