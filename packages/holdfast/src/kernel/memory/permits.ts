/** Permits: a semaphore's holders among the shared ones, as `kernel/lua/_permits.lua` has them. */
import type { State } from './state.js'
import type { TenureRecord } from './record.js'
import type { Scored } from './sorted-set.js'
import type { Keyspace } from './store.js'

/** What K holds while permits are held. */
export const permitsMarker = 'hf:permits'
export const mostPermits = 1000
export const mostTokens = 1000
export const mostLimit = 1_000_000
export const mostLooks = 10_000

/** A number of a request, from 1 on; null for anything else. */
export function between(text: string, most: number): number | null {
  return /^[1-9]\d*$/.test(text) && Number(text) <= most ? Number(text) : null
}

export function ownerOf(member: string): string {
  return /^[^#]*/.exec(member)![0]
}

/** The members that an owner's permits are. */
export function spread(owner: string, weight: number): readonly string[] {
  const length = Math.min(weight, mostPermits)
  return Array.from({ length }, (_, i) => (i === 0 ? owner : `${owner}#${i}`))
}

/** What one call knows of a name's permits. */
export class Permits {
  /** Whether the shared holders are holders of permits. */
  pool: boolean
  /** When the claim ends that this call gave away last. */
  claim: string | null = null
  readonly #n: State
  readonly #space: Keyspace
  #limit: number | null = null
  #base = 0
  #unsaved = false

  constructor(n: State, space: Keyspace) {
    this.#n = n
    this.#space = space
    this.pool = space.get(n.k) === permitsMarker
  }

  /** Somebody deleted K, or had taken it, under its shared holders: their records say what they are. */
  mend(): void {
    const n = this.#n
    if (n.value !== null || n.sharing === 0) return
    const last = this.#space.zset(n.shared).at(-1)!
    this.pool = n.record(ownerOf(last.member))?.mode === 'p'
  }

  /** How many members a shared holder has; r: its record, or null where somebody deleted it. */
  weigh(owner: string, r: TenureRecord | null): number {
    if (r !== null) return r.mode === 'p' ? Number(r.weight) : 1
    const members = this.#space.zset(this.#n.shared)
    let weight = 1
    while (members.score(`${owner}#${weight}`) !== null) weight++
    return weight
  }

  /** The limit that binds; 0 where there is none: then no head of the line is let in. */
  get capacity(): number {
    const n = this.#n
    if (this.#limit === null) {
      const binds = n.waiting > 0 || (this.pool && n.sharing > 0)
      const [, limit, base] = /^(\d+) (\d+)$/.exec(n.records.get('n') ?? '') ?? []
      this.#limit = binds ? Number(limit ?? 0) : 0
      this.#base = binds ? Number(base ?? 0) : 0
    }
    return this.#limit
  }

  /** Somebody asks for permits and says what the limit is: what is wrong with it, or null. */
  agree(weight: number, limit: number, stands: boolean): string | null {
    const { capacity } = this
    if (capacity === 0) {
      this.#limit = this.#base = limit
      this.#unsaved = true
    } else if (!stands && limit !== capacity && limit !== this.#base) {
      return `the semaphore's limit is ${capacity}, and not ${limit}`
    }
    if (weight <= this.capacity) return null
    return `the semaphore's limit is ${this.capacity}, and ${weight} permits are more`
  }

  resize(limit: number): void {
    this.#limit = limit
    this.#unsaved = true
    this.keep()
  }

  /** After the first write of a grant or a place. */
  keep(): void {
    const text = `${this.#limit} ${this.#base}`
    if (this.#unsaved) this.#space.hset(this.#n.meta, 'n', text)
    this.#unsaved = false
  }

  /** Can this waiter never be let in, because the limit was made less than what it asks for? */
  excess(r: TenureRecord): boolean {
    return r.mode === 'p' && this.capacity > 0 && Number(r.weight) > this.capacity
  }

  /** The shared holder whose end is waited for: the last, or the one with whom enough have ended. */
  awaited(mode?: string, weight = 1): Scored | null {
    const { shared, sharing } = this.#n
    const members = this.#space.zset(shared)
    const over = sharing + weight - (mode === 'p' && this.pool ? this.capacity : 0)
    const counts = mode === 'p' && this.pool && over > 0 && over < sharing
    return members.at(counts ? members.size - sharing + over - 1 : -1)
  }

  /** The shared holders that end first, at most so many, and how many were seen. */
  sharers(most: number, now: number): readonly [found: readonly Scored[], count: number] {
    const { shared, sharing } = this.#n
    const members = this.#space.zset(shared)
    const dead = members.below(now)
    const live = members.slice(dead, dead + (this.pool ? mostLooks : most))
    if (!this.pool) return [live, sharing]
    const found = live.filter(({ member }) => !member.includes('#'))
    return [found.slice(0, most), found.length]
  }
}
