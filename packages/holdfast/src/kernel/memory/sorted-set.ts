/** One member of a {@link SortedSet}. */
export interface Scored {
  readonly member: string
  readonly score: number
}

/** The order of Redis: by score, then by the member's bytes. */
function compare(a: Scored, b: Scored): number {
  if (a.score !== b.score) return a.score - b.score
  return Buffer.compare(Buffer.from(a.member), Buffer.from(b.member))
}

/** A set ordered by score. Finding is logarithmic; putting in and taking out move memory only. */
export class SortedSet {
  readonly #scores = new Map<string, number>()
  readonly #order: Scored[] = []

  get size(): number {
    return this.#order.length
  }

  score(member: string): number | null {
    return this.#scores.get(member) ?? null
  }

  rank(member: string): number | null {
    const score = this.#scores.get(member)
    return score === undefined ? null : this.#position({ member, score })
  }

  at(rank: number): Scored | null {
    return this.#order.at(rank) ?? null
  }

  /** The members from one rank up to another, which is left out. */
  slice(from: number, to: number): readonly Scored[] {
    return this.#order.slice(from, to)
  }

  /** How many members have a lower score. */
  below(score: number): number {
    // The empty string comes before every member of the same score.
    return this.#position({ member: '', score })
  }

  put(member: string, score: number): void {
    if (this.#scores.get(member) === score) return
    this.take(member)
    this.#scores.set(member, score)
    this.#order.splice(this.#position({ member, score }), 0, { member, score })
  }

  take(member: string): boolean {
    const rank = this.rank(member)
    if (rank === null) return false
    this.#order.splice(rank, 1)
    return this.#scores.delete(member)
  }

  /** The rank that this member has or would have. */
  #position(one: Scored): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(this.#order[middle] as Scored, one) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
