import type { Grant } from '../lease/lease.js'
import type { Cohort } from './cohort.js'
import type { Queue } from './queue.js'
import type { Wish } from './wish.js'

/** Makes of a grant what the caller gets, in the turn of the grant: nothing of it is ever nobody's. */
export type Take<T> = (grant: Grant, wish: Wish) => T

/** One call that waits for a name together with others of its process. */
export class Member {
  /** Who came before and after it, of those who wait. */
  before: Member | null = null
  behind: Member | null = null
  readonly wish: Wish
  /** Local time of the call. */
  readonly since: number
  readonly #queue: Queue
  readonly #cohort: Cohort
  readonly #take: Take<unknown>
  readonly #resolve: (taken: unknown) => void
  readonly #reject: (reason: unknown) => void

  constructor(
    queue: Queue,
    cohort: Cohort,
    wish: Wish,
    take: Take<unknown>,
    resolve: (taken: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#queue = queue
    this.#cohort = cohort
    this.wish = wish
    this.#take = take
    this.#resolve = resolve
    this.#reject = reject
    this.since = queue.clock.now()
  }

  /** Local time of the end of its wait. */
  get end(): number {
    return this.since + this.wish.wait
  }

  start(): void {
    const { signal } = this.wish
    if (signal) this.#queue.onAbort(signal, this)
    this.#cohort.join(this)
  }

  /** Ends the call without the lock. */
  giveUp(reason: unknown): void {
    this.#cohort.leave(this, { because: reason })
  }

  granted(grant: Grant): void {
    this.#settled()
    this.#resolve(this.#take(grant, this.wish))
  }

  failed(reason: unknown): void {
    this.#settled()
    this.#reject(reason)
  }

  #settled(): void {
    const { signal } = this.wish
    if (signal) this.#queue.offAbort(signal, this)
  }
}
