import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'

/** Hellos under way: of all that is to go to one run of a server, one item asks for all. */
export class Greetings {
  readonly #runtime: Runtime
  readonly #asked = new Map<string, Promise<void>>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /**
   * @param where who shares: by the run that is known to have the item's slot, else by the slot. A
   * guess is no reason to share.
   * @param left what is left of the item's time.
   * @param greet asks for this item.
   */
  to(where: string, left: () => number, greet: () => Promise<void>): Promise<void> {
    const asked = this.#asked.get(where)
    if (asked) return this.#overheard(asked, left, greet)
    const asking = greet().finally(() => this.#asked.delete(where))
    this.#asked.set(where, asking)
    return asking
  }

  /** That it fails may be the other item's affair: its slot has moved, or its time was short. */
  async #overheard(
    asked: Promise<void>,
    left: () => number,
    greet: () => Promise<void>,
  ): Promise<void> {
    const heard = asked.then(
      () => true,
      () => false,
    )
    const half = Math.ceil(left() / 2)
    if (!(await inTime(this.#runtime, heard, half, () => false))) await greet()
  }
}
