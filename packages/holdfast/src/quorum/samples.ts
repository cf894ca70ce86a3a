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

// Says nothing, and is never too old.
const NOTHING: Sample = { at: Infinity, low: -Infinity, high: Infinity }

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
  #lowest = NOTHING
  #highest = NOTHING

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
      this.clear()
      const ms = sample.low > high ? sample.low - high : sample.high - low
      events.clockStep({ clock: 'server', ms, run: this.#run })
      // The new one alone says nothing wrong, unless it has no upper bound.
      if (sample.high === Infinity) return false
    }
    // A sample that tightens nothing is kept only now and then, as the successor of the best.
    const newest = this.#samples[this.#samples.length - 1]
    if (!newest || sample.low > low || sample.high < high || sample.at - newest.at > 1000) {
      this.#samples.push(sample)
      if (this.#low(this.#lowest, sample.at) <= sample.low) this.#lowest = sample
      if (this.#high(this.#highest, sample.at) >= sample.high) this.#highest = sample
      if (this.#samples.length > KEPT) this.#thin()
    }
    return consistent
  }

  /** The bounds of (server - local) at a local time; infinite where nothing is known. */
  bounds(at: number): { low: number; high: number } {
    // All widen at one rate, so the tightest is the tightest until it is too old. Asked for each call.
    if (at - this.#lowest.at > MAX_AGE_MS)
      this.#lowest = this.#tightest(at, (s) => this.#low(s, at))
    if (at - this.#highest.at > MAX_AGE_MS) {
      this.#highest = this.#tightest(at, (s) => -this.#high(s, at))
    }
    return { low: this.#low(this.#lowest, at), high: this.#high(this.#highest, at) }
  }

  #low({ at: taken, low }: Sample, at: number): number {
    return low - Math.max(0, at - taken) * this.#drift
  }

  #high({ at: taken, high }: Sample, at: number): number {
    return high + Math.max(0, at - taken) * this.#drift
  }

  /** Of those that are not too old, the one of which most holds. */
  #tightest(at: number, most: (sample: Sample) => number): Sample {
    let best = NOTHING
    for (const sample of this.#samples) {
      if (at - sample.at <= MAX_AGE_MS && most(sample) >= most(best)) best = sample
    }
    return best
  }

  /** A jump of the local clock: everything known was said of the time before it. */
  clear(): void {
    this.#samples = []
    this.#lowest = this.#highest = NOTHING
  }

  /** Keeps the tightest of each side and the newest. */
  #thin(): void {
    const late = this.#samples.slice(-KEPT / 4)
    this.#samples = this.#samples.filter(
      (s) => s === this.#lowest || s === this.#highest || late.includes(s),
    )
  }
}
