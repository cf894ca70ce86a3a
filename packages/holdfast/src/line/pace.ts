import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'

/** No waiter asks more often than this, whatever the answers say. */
export const LEAST_GAP_MS = 50
const FIRST_MS = 50
const LONGEST_MS = 1000

/** A call's time limit. Timers trigger, clocks decide: a very long timer comes early. */
export class Limit {
  #timer: Timer | null = null

  constructor(clock: LocalClock, runtime: Runtime, end: number, passed: () => void) {
    const arm = (): void => {
      const check = (): void => (clock.now() < end - 1 ? arm() : passed())
      this.#timer = runtime.setTimer(check, end - clock.now(), true)
    }
    arm()
  }

  cancel(): void {
    this.#timer?.cancel()
  }
}

/** Pauses between tries, each of a random length and longer from failure to failure. */
export class Backoff {
  readonly #runtime: Runtime
  #failures = 0
  #timer: Timer | null = null

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  pause(): Promise<void> {
    const most = Math.min(FIRST_MS * 2 ** this.#failures++, LONGEST_MS)
    const ms = most * (0.5 + 0.5 * this.#runtime.random())
    return new Promise((resolve) => {
      this.#timer = this.#runtime.setTimer(resolve, ms, true)
    })
  }

  /** Something went well: the next pause is a short one. */
  reset(): void {
    this.#failures = 0
  }

  cancel(): void {
    this.#timer?.cancel()
  }
}
