import type { LocalClock } from '../base/clock.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Waiter } from './waiter.js'

// Behind a holder of another library nobody tells us of a release: look again after this, jittered.
const FOREIGN_LEAST_MS = 50
const FOREIGN_SPAN_MS = 200
// A lease that ends at t is over by the server's clock a moment later. Also the guard against a
// loop of questions, should a server answer with times that have passed.
const AFTER_END_MS = 5

/**
 * This process's waiters for one name, in the order of the server's line. Messages are hints and
 * may be lost, so the first of them (only the first) asks again when the holder's lease should have
 * run out, later by its place in the line. (Design 5.5; review L1, L3.)
 */
export class Line {
  /** Calls that have come to stand here, parked or not; with the last the line goes. */
  users = 0
  readonly #clock: LocalClock
  readonly #runtime: Runtime
  readonly #waiters: Waiter[] = []
  #timer: { at: number; timer: Timer } | null = null
  /** When the holder's lease ends as far as anybody here was told, local time; null: foreign. */
  #holderEnds: number | null = 0
  #toldBy = { at: 0, run: '', here: 0 }
  #foreignLook = 0

  constructor(clock: LocalClock, runtime: Runtime) {
    this.#clock = clock
    this.#runtime = runtime
  }

  get waiters(): readonly Waiter[] {
    return this.#waiters
  }

  /** Takes a waiter that stands in the server's line, or tells its new place. */
  park(waiter: Waiter): void {
    this.leave(waiter)
    let i = this.#waiters.length
    while (i > 0 && this.#waiters[i - 1]!.ticket > waiter.ticket) i--
    this.#waiters.splice(i, 0, waiter)
    this.arm()
  }

  leave(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter)
    if (at >= 0) this.#waiters.splice(at, 1)
    this.arm()
  }

  /** All but this one. */
  othersAsk(waiter: Waiter): void {
    for (const other of this.#waiters) if (other !== waiter) other.askAgain()
  }

  /** The holder's lease ends then (local time), said the server at its time; null: foreign. */
  told(ends: number | null, by: { now: number; run: string; sent?: number }): void {
    // An answer may be older than the message that overtook it.
    const { at, run, here } = this.#toldBy
    if (by.run === run && by.now < at && (by.sent ?? -Infinity) < here) return
    this.#toldBy = { at: by.now, run: by.run, here: this.#clock.now() }
    this.#holderEnds = ends
    if (ends === null) {
      this.#foreignLook =
        this.#clock.now() + FOREIGN_LEAST_MS + FOREIGN_SPAN_MS * this.#runtime.random()
    }
    this.arm()
  }

  arm(): void {
    const first = this.#waiters[0]
    const at = first === undefined ? null : this.#due(first)
    if (at === this.#timer?.at) return
    this.#timer?.timer.cancel()
    this.#timer = null
    if (at === null) return
    const timer = this.#runtime.setTimer(
      () => {
        this.#timer = null
        this.#waiters[0]?.askAgain()
      },
      Math.max(0, at - this.#clock.now()),
      true,
    )
    this.#timer = { at, timer }
  }

  #due(waiter: Waiter): number {
    // Later by its place, so that the first one's question comes first; but within one claim, because
    // the place that it knows may be long out of date.
    const behind = Math.min(waiter.rank / 4, 0.75 + 0.25 * waiter.jitter) * waiter.wish.claim
    const ends = this.#holderEnds === null ? this.#foreignLook : this.#holderEnds + AFTER_END_MS
    return Math.max(ends + behind, waiter.notBefore)
  }

  close(): void {
    this.#timer?.timer.cancel()
    this.#timer = null
  }
}
