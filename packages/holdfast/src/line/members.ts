import type { Member } from './member.js'
import { Limit } from './pace.js'
import type { Queue } from './queue.js'
import type { Group } from './wish.js'

/** Of how many the time may be over in one turn of the event loop. */
const MOST_AT_ONCE = 500

/** The calls of a cohort that wait, in the order in which they came; with one timer for all their limits. */
export class Members {
  first: Member | null = null
  #last: Member | null = null
  /** When the last of their waits ends, local time; and the first. */
  until: Group['until'] = 0
  #limited = Infinity
  #limit: Limit | null = null
  readonly #queue: Queue
  readonly #cohort: { leave(member: Member): void }

  constructor(queue: Queue, cohort: { leave(member: Member): void }) {
    this.#queue = queue
    this.#cohort = cohort
  }

  add(member: Member): void {
    member.before = this.#last
    if (this.#last) this.#last.behind = member
    else this.first = member
    this.#last = member
    this.until = Math.max(this.until, member.end)
    if (member.end < this.#limited) this.#limitTo(member.end)
  }

  /** @returns whether it waited here. */
  remove(member: Member): boolean {
    const { before, behind } = member
    if (!before && this.first !== member) return false
    if (before) before.behind = behind
    else this.first = behind
    if (behind) behind.before = before
    else this.#last = before
    member.before = member.behind = null
    if (!this.first) this.#limitTo(Infinity)
    return true
  }

  #limitTo(end: number): void {
    this.#limit?.cancel()
    this.#limited = end
    this.#limit = end === Infinity ? null : new Limit(this.#queue, end, this)
  }

  /** Somebody's time is over. */
  passed(): void {
    const now = this.#queue.clock.now()
    let next = Infinity
    let most = MOST_AT_ONCE
    for (let member = this.first; member;) {
      const { behind } = member
      if (now >= member.end - 1 && most-- > 0) this.#cohort.leave(member)
      else next = Math.min(next, member.end)
      member = behind
    }
    this.#limitTo(next)
  }
}
