import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { sooner, type NotAfter } from '../kernel/protocol.js'
import type { Queue } from './queue.js'
import type { Wish } from './wish.js'

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

/** The time of a call that may wait, and what that leaves to each of its requests. */
export class CallTime {
  /** Local time of the call. */
  readonly since: number
  /** Whether the last request was limited by the end of this call. */
  ending = false
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #wish: Pick<Wish, 'wait' | 'timeout' | 'until'>
  #limit: Limit | null = null

  constructor(
    { clock, runtime }: Pick<Queue, 'clock' | 'runtime'>,
    wish: Pick<Wish, 'wait' | 'timeout' | 'until'>,
  ) {
    this.since = clock.now()
    this.#clock = clock
    this.#runtime = runtime
    this.#wish = wish
  }

  /** Calls back at the end of the wait, if it has one and is not a single try. */
  start(passed: () => void): void {
    const { wait } = this.#wish
    if (wait === 0 || wait === Infinity) return
    this.#limit = new Limit(this.#clock, this.#runtime, this.since + wait, passed)
  }

  /** Of the wait, ms. */
  left(): number {
    const { wait, until } = this.#wish
    return (until ? until() : this.since + wait) - this.#clock.now()
  }

  /** Nothing is to be carried out after the end of this call, which may come before a command's. */
  within(notAfter: NotAfter): NotAfter {
    const { timeout, wait } = this.#wish
    const early = wait === 0 ? 0 : timeout - this.left()
    this.ending = early > 0
    return sooner(notAfter, early)
  }

  cancel(): void {
    this.#limit?.cancel()
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
