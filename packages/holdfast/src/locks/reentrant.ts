import { enclosing, Scope, type Place } from './context.js'
import type { Asking } from './asked.js'
import type { Engine } from './engine.js'
import type { Lock } from './lock.js'
import { Mutex } from './mutex.js'
import type { MutexOptions } from './options.js'
import type { Owner } from './owner.js'
import type { Patience } from './turns.js'

/**
 * A mutex that its holder may take again, without asking the server: with the same lease, signal and
 * fence, and options of the first. For `use` the holder is the function and whatever it calls, for
 * handles an explicit owner.
 */
export class ReentrantMutex extends Mutex {
  readonly #place: Place

  /** For this library only. */
  constructor(engine: Engine, name: string, options: MutexOptions) {
    super(engine, name, options)
    this.#place = { engine, name, mode: 'x', reentrant: true }
  }

  /** @internal */
  protected override async own(owner: Owner, asked: Asking): Promise<Lock> {
    const patience = this.#patience(asked)
    return owner.acquire(patience, () => super.own(owner, this.#rest(asked, patience)))
  }

  /** @internal */
  override async enter(asked: Asking): Promise<Scope> {
    const patience = this.#patience(asked)
    const { engine, name, mode } = this.#place
    for (;;) {
      engine.assertOpen()
      asked.signal?.throwIfAborted()
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
    return new Scope(this.#place, await this.take(this.#rest(asked, patience)))
  }

  #patience({ wait, signal }: Asking): Patience {
    const { engine, name } = this.#place
    signal?.throwIfAborted()
    return { engine, name, wait, signal, end: engine.clock.now() + wait }
  }

  /** What is left of the wait, for the server's line. */
  #rest(asked: Asking, { engine, end, wait }: Patience): Asking {
    // A wait that is over is still no single try.
    return wait === 0 ? asked : asked.waiting(Math.max(1, end - engine.clock.now()))
  }
}
