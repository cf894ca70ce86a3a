import type { Grant } from '../lease/lease.js'
import type { Cohort } from './cohort.js'
import { Limit } from './pace.js'
import type { Queue } from './queue.js'
import type { Wish } from './wish.js'

/** One call that waits for a name together with others of its process. */
export class Member {
  readonly wish: Wish
  /** Local times: of the call, and of the end of its wait. */
  readonly since: number
  readonly end: number
  readonly #queue: Queue
  readonly #cohort: Cohort
  readonly #resolve: (grant: Grant) => void
  readonly #reject: (reason: unknown) => void
  #limit: Limit | null = null

  constructor(
    queue: Queue,
    cohort: Cohort,
    wish: Wish,
    resolve: (grant: Grant) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#queue = queue
    this.#cohort = cohort
    this.wish = wish
    this.#resolve = resolve
    this.#reject = reject
    this.since = queue.clock.now()
    this.end = this.since + wish.wait
  }

  start(): void {
    const { clock, runtime } = this.#queue
    const { signal, wait } = this.wish
    if (signal) this.#queue.onAbort(signal, this)
    const passed = (): void => this.#cohort.leave(this)
    if (wait !== Infinity) this.#limit = new Limit(clock, runtime, this.end, passed)
    this.#cohort.join(this)
  }

  /** Ends the call without the lock. */
  giveUp(reason: unknown): void {
    this.#cohort.leave(this, { because: reason })
  }

  resolve(grant: Grant): void {
    this.#settled()
    this.#resolve(grant)
  }

  reject(reason: unknown): void {
    this.#settled()
    this.#reject(reason)
  }

  #settled(): void {
    this.#limit?.cancel()
    const { signal } = this.wish
    if (signal) this.#queue.offAbort(signal, this)
  }
}
