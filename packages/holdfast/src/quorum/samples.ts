import { events } from '../base/events.js'

const MAX_AGE_MS = 30_000
const KEPT = 32

interface Sample {
  /** When it was taken, local time. */
  readonly at: number
  /** server - local is at least this, and at most that. */
  readonly low: number
  readonly high: number
}

/**
 * What is known of the difference between one server run's clock and ours, from replies (sent at
 * a, received at b, server time s: s - b <= difference <= s - a). Bounds are widened by the drift
 * of their age, and older than 30 s they are none. Disjoint bounds mean that a clock stepped.
 * (Design, section 4; design-review S4.)
 */
export class Samples {
  readonly #drift: number
  readonly #run: string
  #samples: Sample[] = []

  constructor(run: string, drift: number) {
    this.#run = run
    this.#drift = drift
  }

  /** A reply: all times in ms, `serverTime` by the server's clock, the others by ours. */
  add(sent: number, received: number, serverTime: number): void {
    this.#add({ at: received, low: serverTime - received, high: serverTime - sent })
  }

  /**
   * A message that the server sent at `serverTime`; its delay is unknown, so it bounds from below.
   *
   * @returns false when it contradicts what is known: then no bound is left.
   */
  addPush(received: number, serverTime: number): boolean {
    return this.#add({ at: received, low: serverTime - received, high: Infinity })
  }

  #add(sample: Sample): boolean {
    const { low, high } = this.bounds(sample.at)
    const consistent = sample.low <= high && sample.high >= low
    if (!consistent) {
      this.#samples = []
      const ms = sample.low > high ? sample.low - high : sample.high - low
      events.clockStep({ clock: 'server', ms, run: this.#run })
      // The new one alone says nothing wrong, unless it has no upper bound.
      if (sample.high === Infinity) return false
    }
    // A sample that tightens nothing is kept only now and then, as the successor of the best.
    const newest = this.#samples[this.#samples.length - 1]
    if (!newest || sample.low > low || sample.high < high || sample.at - newest.at > 1000) {
      this.#samples.push(sample)
      if (this.#samples.length > KEPT) this.#thin()
    }
    return consistent
  }

  /** The bounds of (server - local) at a local time; infinite where nothing is known. */
  bounds(at: number): { low: number; high: number } {
    let low = -Infinity
    let high = Infinity
    for (const sample of this.#samples) {
      const age = at - sample.at
      if (age > MAX_AGE_MS) continue
      const widening = Math.max(0, age) * this.#drift
      low = Math.max(low, sample.low - widening)
      high = Math.min(high, sample.high + widening)
    }
    return { low, high }
  }

  /** A jump of the local clock: everything known was said of the time before it. */
  clear(): void {
    this.#samples = []
  }

  /** Keeps the tightest of each side and the newest. */
  #thin(): void {
    const newest = this.#samples[this.#samples.length - 1]!
    const value = (s: Sample): number => s.low - (newest.at - s.at) * this.#drift
    const cost = (s: Sample): number => s.high + (newest.at - s.at) * this.#drift
    const lowest = this.#samples.reduce((a, b) => (value(b) >= value(a) ? b : a))
    const highest = this.#samples.reduce((a, b) => (cost(b) <= cost(a) ? b : a))
    const late = this.#samples.slice(-KEPT / 4)
    this.#samples = this.#samples.filter((s) => s === lowest || s === highest || late.includes(s))
  }
}
