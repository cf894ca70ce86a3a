import type { Timer } from './runtime.js'

/** What one timer of the surroundings can do. */
interface Native {
  ref(): unknown
  unref(): unknown
}

/** What {@link Timers} stands on. */
export interface Surroundings {
  monotonic(): number
  set(callback: () => void, ms: number): Native
  clear(native: Native): void
}

// Node fires a longer timer after one millisecond.
const LONGEST_MS = 2 ** 31 - 1
// A timer that is so late will not come: somebody has put false timers in its place, as tests do.
const LOST_MS = 1000
/** The most that are called back in one turn of the event loop. */
const MOST = 500

class Entry implements Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  readonly keepAlive: boolean
  readonly #timers: Timers
  /** Its place in the heap; -1 when it is over. */
  place = -1

  constructor(timers: Timers, at: number, order: number, callback: () => void, keepAlive: boolean) {
    this.#timers = timers
    this.at = at
    this.order = order
    this.callback = callback
    this.keepAlive = keepAlive
  }

  cancel(): void {
    this.#timers.remove(this)
  }

  before(other: Entry): boolean {
    return this.at < other.at || (this.at === other.at && this.order < other.order)
  }
}

/**
 * Any number of timers on one of the surroundings'. Nearly all are time limits that do not pass: to set
 * one and to cancel it is to put it into a heap and to take it out. The one real timer stays set when
 * the entry that it was set for is cancelled, and finds nothing to do then; it keeps the process alive
 * only while an entry is there that is to.
 */
export class Timers {
  readonly #around: Surroundings
  /** A binary heap, the earliest first. */
  readonly #heap: Entry[] = []
  #order = 0
  #alive = 0
  #native: Native | null = null
  #due = Infinity

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** Calls back after `ms`, late rather than early. */
  set(callback: () => void, ms: number, keepAlive: boolean): Timer {
    const now = this.#around.monotonic()
    const at = now + Math.max(0, ms)
    const entry = new Entry(this, at, this.#order++, callback, keepAlive)
    this.#up(entry, this.#heap.push(entry) - 1)
    if (!this.#native || at < this.#due || now > this.#due + LOST_MS) this.#arm(now)
    if (keepAlive && this.#alive++ === 0) this.#native?.ref()
    return entry
  }

  remove(entry: Entry): void {
    const { place } = entry
    if (place < 0) return
    entry.place = -1
    const last = this.#heap.pop()!
    if (last !== entry) {
      this.#up(last, place)
      this.#down(last, last.place)
    }
    if (entry.keepAlive && --this.#alive === 0) this.#native?.unref()
  }

  #up(entry: Entry, from: number): void {
    const heap = this.#heap
    let place = from
    while (place > 0) {
      const above = heap[(place - 1) >> 1]!
      if (!entry.before(above)) break
      heap[place] = above
      above.place = place
      place = (place - 1) >> 1
    }
    heap[place] = entry
    entry.place = place
  }

  #down(entry: Entry, from: number): void {
    const heap = this.#heap
    let place = from
    for (;;) {
      let next = 2 * place + 1
      if (next >= heap.length) break
      if (next + 1 < heap.length && heap[next + 1]!.before(heap[next]!)) next++
      const below = heap[next]!
      if (!below.before(entry)) break
      heap[place] = below
      below.place = place
      place = next
    }
    heap[place] = entry
    entry.place = place
  }

  #arm(now: number): void {
    if (this.#native) this.#around.clear(this.#native)
    this.#native = null
    this.#due = Infinity
    const first = this.#heap[0]
    if (!first) return
    this.#due = Math.min(first.at, now + LONGEST_MS)
    this.#native = this.#around.set(() => this.#fire(), this.#due - now)
    if (this.#alive === 0) this.#native.unref()
  }

  #fire(): void {
    this.#native = null
    const now = this.#around.monotonic()
    try {
      for (let i = 0; i < MOST; i++) {
        const first = this.#heap[0]
        if (!first || first.at > now) break
        this.remove(first)
        first.callback()
      }
    } finally {
      this.#arm(this.#around.monotonic())
    }
  }
}
