import { Lease, type Grant, type Succession } from '../lease/lease.js'
import { Cohort } from './cohort.js'
import type { Queue } from './queue.js'
import type { Wish } from './wish.js'

/**
 * The cohorts of one Holdfast, by name. Of most names that are held nobody here wants anything more: then
 * the lease stands for its cohort, which is made again when another call asks for the name.
 */
export class Cohorts implements Succession {
  readonly #queue: Queue
  readonly #names = new Map<string, Cohort | Lease>()

  constructor(queue: Queue) {
    this.#queue = queue
  }

  /** The first of those of a name, each on terms of its own. */
  #first(name: string): Cohort | null {
    const found = this.#names.get(name)
    return found instanceof Cohort ? found : null
  }

  /** Whose call it is. */
  of(wish: Wish): Cohort {
    const { name } = wish
    const found = this.#names.get(name)
    const first = found instanceof Lease ? Cohort.of(this.#queue, found) : (found ?? null)
    if (first && first !== found) this.#names.set(name, first)
    for (let one = first; one; one = one.next) if (one.suits(wish)) return one
    const cohort = new Cohort(this.#queue, wish)
    cohort.next = first
    this.#names.set(name, cohort)
    return cohort
  }

  /**
   * What this process has kept for a call such as this; for other calls it is given back.
   *
   * @returns null where nothing is kept, undefined where it was given back just now.
   */
  kept(wish: Wish): Grant | null | undefined {
    let found: Grant | null | undefined = null
    for (let one = this.#first(wish.name); one; one = one.next) {
      if (!one.idle) continue
      const fits = wish.mode === 'x' && !wish.ahead && !wish.place && one.suits(wish)
      if (!fits) one.giveBack()
      // Where the server forgot, two may be kept: what was taken is not forgotten for the other.
      found = (fits && one.take(wish)) || found || undefined
    }
    return found
  }

  /** All that are more than a lease. */
  each(work: (cohort: Cohort) => void): void {
    for (const name of this.#names.keys()) {
      for (let one = this.#first(name); one; one = one.next) work(one)
    }
  }

  /** Of this cohort there is this lease, and nothing else that is to be remembered. */
  alone(cohort: Cohort, lease: Lease): void {
    const { name } = cohort.wish
    if (cohort.next || this.#names.get(name) !== cohort) return
    this.#names.set(name, lease)
    lease.succession = this
  }

  /** Nobody of it waits or holds any more. */
  dissolve(cohort: Cohort): void {
    const { name } = cohort.wish
    const first = this.#first(name)
    if (first === cohort) {
      if (cohort.next) this.#names.set(name, cohort.next)
      else this.#names.delete(name)
      return
    }
    for (let one = first; one; one = one.next) {
      if (one.next === cohort) one.next = cohort.next
    }
  }

  /** Of a lease that is alone: nobody goes on with it. */
  pass(): boolean {
    return false
  }

  adopted(): void {}

  /** Nobody here minds: it is not kept when it is released. */
  wanted(): void {}

  over({ terms }: Lease): void {
    this.#names.delete(terms.name)
  }
}
