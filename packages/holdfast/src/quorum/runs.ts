import type { LocalClock } from '../base/clock.js'
import { Samples } from './samples.js'

// Runs end; their samples are kept for a few of them, and for every one that answers.
const KEPT = 64

/** What is known of the clock of each run of a server. */
export class Runs {
  readonly #clock: LocalClock
  readonly #drift: number
  readonly #runs = new Map<string, Samples>()

  constructor(clock: LocalClock, drift: number) {
    this.#clock = clock
    this.#drift = drift
    clock.onJump(() => {
      for (const samples of this.#runs.values()) samples.clear()
    })
  }

  /** The bounds of (server - local) at a local time; infinite where nothing is known. */
  bounds(run: string | null, at: number): { low: number; high: number } {
    const samples = run === null ? undefined : this.#runs.get(run)
    return samples?.bounds(at) ?? { low: -Infinity, high: Infinity }
  }

  /** A reply: see {@link Samples.add}. */
  answered(run: string, sent: number, received: number, serverTime: number): void {
    let samples = this.#runs.get(run)
    if (!samples) {
      if (this.#runs.size >= KEPT) this.#forget()
      samples = new Samples(run, this.#drift)
      this.#runs.set(run, samples)
    }
    samples.add(sent, received, serverTime)
  }

  /**
   * A message of this run that arrived at `received`: the latest that its clock can be ahead of
   * ours, or null when that is not known for this run, or the message contradicts it.
   */
  latestOffset(run: string, received: number, serverTime: number): number | null {
    const samples = run === '' ? undefined : this.#runs.get(run)
    if (!samples?.addPush(received, serverTime)) return null
    const { high } = samples.bounds(received)
    return high === Infinity ? null : high
  }

  /** Drops the runs of which nothing is known any more. */
  #forget(): void {
    const now = this.#clock.now()
    for (const run of this.#runs.keys()) {
      if (this.bounds(run, now).low === -Infinity) this.#runs.delete(run)
    }
  }
}
