import { enclosing, Scope, type Place } from './context.js'
import type { Engine } from './engine.js'
import type { Lock } from './lock.js'
import { Mutex } from './mutex.js'
import type { MutexOptions } from './options.js'
import type { Settings } from './settings.js'
import type { Owner } from './owner.js'
import type { Patience } from './turns.js'

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

  /** @internal */
  protected override async own(owner: Owner, settings: Settings): Promise<Lock> {
    const patience = this.#patience(settings)
    return owner.acquire(patience, () => super.own(owner, this.#rest(settings, patience)))
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
