import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Answer } from '../quorum/node.js'

// A claim that ends at t is over by the server's clock a moment later, and clocks differ in rate.
const AFTER_END_MS = 5

/**
 * Looks after a name that this process handed over while more waited behind: once, when the claim is
 * over. Messages tell the next two in line; if both are dead, with connections that the server
 * takes for alive, nobody else would know before the end of the lease that he was told last. Whoever
 * released is alive, and learned of the claim from the answer. (Review L1.)
 *
 * One timer for each name, moved on by each release; it never keeps the process alive.
 */
export class Watch {
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #drift: number
  readonly #timers = new Map<string, Timer>()
  #closed = false

  constructor(clock: LocalClock, runtime: Runtime, drift: number) {
    this.#clock = clock
    this.#runtime = runtime
    this.#drift = drift
  }

  /** An answer to a release. `look` asks once more, which hands on what nobody took. */
  released(key: string, { verdict, now, received }: Answer, look: () => void): void {
    const [status, , , ends, , behind] = verdict
    const gave = Number(behind) > 0
    // What left the line or was over says nothing of a claim that was given away before.
    if (!gave && status !== 'released') return
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
    if (this.#closed || !gave) return
    const claim = Math.max(0, Number(ends) - now)
    const at = received + claim * (1 + this.#drift) + AFTER_END_MS
    const again = (): void => {
      this.#timers.delete(key)
      look()
    }
    this.#timers.set(key, this.#runtime.setTimer(again, at - this.#clock.now(), false))
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
