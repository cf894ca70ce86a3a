import type { Timer } from '../../src/base/runtime.js'

interface Entry extends Timer {
  readonly at: number
  readonly order: number
  callback: (() => void) | null
}

/** So many events at one moment are no accident. */
const MOST_AT_ONCE = 20_000

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** The world's time. It stands still while anything runs, and jumps from one event to the next. */
export class Schedule {
  #now = 0
  #order = 0
  readonly #heap: Entry[] = []
  /** How many events there have been. */
  events = 0
  /** Something is done again and again without a pause: then time goes on no more. */
  stuck = false
  #here = 0

  monotonic(): number {
    return this.#now
  }

  setTimer(callback: () => void, ms: number): Timer {
    const at = this.#now + Math.max(0, ms)
    const entry: Entry = {
      at,
      order: this.#order++,
      callback,
      cancel: () => {
        entry.callback = null
      },
    }
    this.#push(entry)
    return entry
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(resolve, ms))
  }

  /** Event by event with all that follows from each, until this time, or until `over` says so. */
  async run(until: number, over: () => boolean = () => false): Promise<void> {
    await turn()
    while (!over()) {
      const next = this.#heap[0]
      if (!next || next.at > until) {
        this.#now = Math.max(this.#now, until)
        return
      }
      this.#pop()
      if (!next.callback) continue
      this.#here = next.at > this.#now ? 0 : this.#here + 1
      if (this.#here > MOST_AT_ONCE) this.stuck = true
      if (this.stuck) return
      this.#now = Math.max(this.#now, next.at)
      this.events++
      next.callback()
      await turn()
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(entry, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const entry = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, entry)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = entry
  }
}

/** One turn of the event loop: when it comes, no promise that could settle is left unsettled. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
