import type { Runtime, Timer } from '../base/runtime.js'
import { sooner, type NotAfter } from '../kernel/protocol.js'
import type { Queue } from './queue.js'
import type { Group, Wish } from './wish.js'

/** No waiter asks more often than this, whatever the answers say. */
export const LEAST_GAP_MS = 50
const FIRST_MS = 50
const LONGEST_MS = 1000

/** A call's time limit. Timers trigger, clocks decide: a very long timer comes early. */
export class Limit {
  readonly #around: Around
  readonly #end: number
  readonly #call: { passed(): void }
  #timer!: Timer
  readonly #unwatch: () => void

  constructor(around: Around, end: number, call: { passed(): void }) {
    this.#around = around
    this.#end = end
    this.#call = call
    this.#arm(around.clock.now())
    this.#unwatch = around.clock.onJump(() => {
      this.#timer.cancel()
      this.#arm(around.clock.now())
    })
  }

  #arm(now: number): void {
    this.#timer = this.#around.runtime.setTimer(() => this.#check(), this.#end - now, true)
  }

  #check(): void {
    const now = this.#around.clock.now()
    // To read the clock may have shown a jump, and armed it anew.
    this.#timer.cancel()
    if (now < this.#end - 1) return this.#arm(now)
    this.#unwatch()
    this.#call.passed()
  }

  cancel(): void {
    this.#timer.cancel()
    this.#unwatch()
  }
}

type Around = Pick<Queue, 'clock' | 'runtime'>

/** The time of a call that may wait, and what that leaves to each of its requests. */
export class CallTime {
  /** Local time of the call. */
  readonly since: number
  /** Whether the last request was limited by the end of this call. */
  ending = false
  readonly #around: Around
  readonly #wish: Pick<Wish, 'wait' | 'timeout'>
  readonly #group: Group | undefined
  #limit: Limit | null = null

  /** @param group of one who asks for several calls, each of which sees to its own end. */
  constructor(around: Around, wish: Pick<Wish, 'wait' | 'timeout'>, group?: Group) {
    this.since = around.clock.now()
    this.#around = around
    this.#wish = wish
    this.#group = group
  }

  /** Calls back at the end of the wait, if it has one and is not a single try. */
  start(call: { passed(): void }): void {
    const { wait } = this.#wish
    if (wait === 0 || wait === Infinity || this.#group) return
    this.#limit = new Limit(this.#around, this.since + wait, call)
  }

  /** Of the wait, ms. */
  left(): number {
    return (this.#group?.until ?? this.since + this.#wish.wait) - this.#around.clock.now()
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

  /** @param awaited false when no caller waits for it: then the process does not stay alive for it. */
  pause(awaited = true): Promise<void> {
    const most = Math.min(FIRST_MS * 2 ** this.#failures++, LONGEST_MS)
    const ms = most * (0.5 + 0.5 * this.#runtime.random())
    return new Promise((resolve) => {
      this.#timer = this.#runtime.setTimer(resolve, ms, awaited)
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
