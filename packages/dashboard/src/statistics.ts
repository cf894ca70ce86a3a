import type { HistoryEntry } from 'holdfast'
import type { Histogram, Percentiles, Series } from './model.js'

const STEP = 30_000
const BUCKETS = 120

const BOUNDS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000,
]

export function histogram(values: readonly number[]): Histogram {
  const counts = Array.from({ length: BOUNDS.length + 1 }, () => 0)
  for (const value of values) {
    const at = BOUNDS.findIndex((bound) => value <= bound)
    counts[at < 0 ? BOUNDS.length : at]!++
  }
  return { bounds: BOUNDS, counts }
}

/** Values of each bucket of time. */
class Buckets {
  readonly #from: number
  readonly #values: number[][] = Array.from({ length: BUCKETS }, () => [])

  constructor(from: number) {
    this.#from = from
  }

  add(at: number, value: number): void {
    this.#values[Math.floor((at - this.#from) / STEP)]?.push(value)
  }

  percentiles(): Percentiles {
    for (const values of this.#values) values.sort((a, b) => a - b)
    // The nearest rank: a value that there was.
    const at = (share: number): (number | null)[] =>
      this.#values.map((all) => all[Math.max(0, Math.ceil(all.length * share) - 1)] ?? null)
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
  }
}

/** How many spans of time cover the end of each bucket. */
class Spans {
  readonly #from: number
  /** How many more than at the end of the bucket before. */
  readonly #more: number[] = Array.from({ length: BUCKETS + 1 }, () => 0)

  constructor(from: number) {
    this.#from = from
  }

  /** From `begun` until before `over`. */
  add(begun: number, over: number): void {
    const first = Math.max(0, this.#ending(begun))
    const end = Math.min(BUCKETS, this.#ending(over))
    if (first >= end) return
    this.#more[first]!++
    this.#more[end]!--
  }

  /** The first bucket that ends then or later. */
  #ending(at: number): number {
    return Math.ceil((at - this.#from) / STEP) - 1
  }

  counts(): number[] {
    let sum = 0
    return this.#more.slice(0, BUCKETS).map((more) => (sum += more))
  }
}

/**
 * The last hour, of what ended in it and of what is there now.
 *
 * @param entries the oldest first.
 * @param now by the clock of the server, as the times of entries are.
 * @param held how long those who hold now have held, and `waiting` have waited.
 */
export function series(
  entries: readonly HistoryEntry[],
  now: number,
  held: readonly number[],
  waiting: readonly number[],
): Series {
  // The last bucket ends at a whole step, so that buckets stay while time goes on.
  const from = Math.ceil(now / STEP) * STEP - BUCKETS * STEP
  const [wait, hold, handover] = [new Buckets(from), new Buckets(from), new Buckets(from)]
  const [holding, standing] = [new Spans(from), new Spans(from)]
  const ended = new Map<string, number>()
  for (const entry of entries) {
    const { at } = entry
    switch (entry.event) {
      case 'granted': {
        const before = ended.get(entry.name)
        if (entry.pushed && before !== undefined) handover.add(at, Math.max(0, at - before))
        ended.delete(entry.name)
        wait.add(at, entry.waited)
        standing.add(at - entry.waited, at)
        break
      }
      case 'gave-up':
        standing.add(at - entry.waited, at)
        break
      case 'released':
      case 'lost':
        ended.set(entry.name, at)
        hold.add(at, entry.held)
        holding.add(at - entry.held, at)
        break
      case 'waiting':
      case 'revoked':
      case 'deadlock':
      case 'missed':
        break
    }
  }
  for (const ms of held) holding.add(now - ms, Infinity)
  for (const ms of waiting) standing.add(now - ms, Infinity)
  return {
    step: STEP,
    from,
    wait: wait.percentiles(),
    hold: hold.percentiles(),
    handover: handover.percentiles(),
    held: holding.counts(),
    waitingCount: standing.counts(),
  }
}
