import type { LockState } from 'holdfast'
import type { Row, Sort } from './model.js'
import type { People } from './people.js'

const MOST_NAMES = 100_000

/** A name as it was seen, and when, by this machine's clock. */
interface Seen {
  readonly state: LockState
  readonly at: number
  /** The most that was seen to be left of the lease of its first holder. */
  readonly ttl: number | null
  /** For filters: in lower case. */
  readonly text: string
}

export interface Wanted {
  readonly filter: string
  readonly sort: Sort
  readonly reverse: boolean
  readonly offset: number
  readonly limit: number
}

/** A name of which nothing is known. */
export function freeState(name: string): LockState {
  const nobody = { holders: [], holderCount: 0, waiters: [], waiterCount: 0 }
  return { name, ...nobody, fence: 0, permits: null }
}

/** The names that are held or waited for, as they were seen last. */
export class Known {
  readonly #people: People
  readonly #names = new Map<string, Seen>()
  /** Names that somebody looks at, of which there is nothing. */
  readonly #free = new Map<string, Seen>()

  constructor(people: People) {
    this.#people = people
  }

  get size(): number {
    return this.#names.size
  }

  get full(): boolean {
    return this.#names.size >= MOST_NAMES
  }

  put(state: LockState, at: number): void {
    const { name, holders, holderCount, waiterCount } = state
    const before = this.#names.get(name)
    this.#free.delete(name)
    const first = holders[0]
    const left = first?.remaining ?? null
    const same = before?.state.holders[0]?.owner === first?.owner ? (before?.ttl ?? null) : null
    const ttl = left === null ? null : Math.max(left, same ?? 0)
    const text = [name, first?.label, first?.host, first?.pid].join('\n').toLowerCase()
    const seen = { state, at, ttl, text }
    if (holderCount > 0 || waiterCount > 0) {
      if (before || !this.full) this.#names.set(name, seen)
      return
    }
    this.#names.delete(name)
    if (this.#free.size > 1000) this.#free.clear()
    this.#free.set(name, seen)
  }

  /** Takes these states for all there are. */
  replace(states: readonly LockState[], at: number): void {
    const names = new Set(states.map(({ name }) => name))
    for (const name of this.#names.keys()) if (!names.has(name)) this.#names.delete(name)
    for (const state of states) this.put(state, at)
  }

  seen(name: string): Seen | undefined {
    return this.#names.get(name) ?? this.#free.get(name)
  }

  all(): IterableIterator<Seen> {
    return this.#names.values()
  }

  /** Whose last look is older. */
  before(at: number): string[] {
    return [...this.#names].filter(([, seen]) => seen.at < at).map(([name]) => name)
  }

  row({ state, at, ttl }: Seen, now: number): Row {
    const { name, holders, holderCount, permits, waiters, waiterCount } = state
    const age = now - at
    const first = holders[0]
    const { heldFor = null, remaining = null, fence = null, mode = null } = first ?? {}
    let longest: number | null = null
    for (const { waitedFor } of waiters) longest = Math.max(longest ?? 0, waitedFor + age)
    return {
      name,
      mode,
      holder: first ? this.#people.who(first) : null,
      holders: holderCount,
      ...(permits === null ? {} : { permits }),
      heldFor: heldFor === null ? null : heldFor + age,
      remaining: remaining === null ? null : Math.max(0, remaining - age),
      ttlOf: ttl,
      fence,
      waiting: waiterCount,
      longest,
    }
  }

  /** Those of a page of the table, and how many match. */
  page(
    { filter, sort, reverse, offset, limit }: Wanted,
    now: number,
  ): { seen: Seen[]; total: number } {
    const wanted = filter.toLowerCase()
    const found = [...this.#names.values()].filter(({ text }) => text.includes(wanted))
    const order = ORDERS[sort]
    const way = reverse ? -1 : 1
    const keys = new Map(found.map((seen) => [seen, order(seen, now)]))
    found.sort((a, b) => {
      const [x, y] = [keys.get(a)!, keys.get(b)!]
      return way * (x[0] - y[0] || x[1] - y[1] || byName(a, b))
    })
    return { seen: found.slice(offset, offset + limit), total: found.length }
  }

  /** Those for whom most wait. */
  contended(most: number): { seen: Seen[]; total: number } {
    const found = [...this.#names.values()].filter(({ state }) => state.waiterCount > 0)
    found.sort((a, b) => b.state.waiterCount - a.state.waiterCount || byName(a, b))
    return { seen: found.slice(0, most), total: found.length }
  }

  /** Whose holder has held on for longest. */
  oldest(now: number): Seen | null {
    let oldest: Seen | null = null
    let most = -1
    for (const seen of this.#names.values()) {
      const { heldFor = null } = seen.state.holders[0] ?? {}
      if (heldFor !== null && heldFor + now - seen.at > most) {
        most = heldFor + now - seen.at
        oldest = seen
      }
    }
    return oldest
  }

  search(text: string, most: number): string[] {
    const wanted = text.toLowerCase()
    const found: string[] = []
    const inside: string[] = []
    for (const [name, seen] of this.#names) {
      const at = seen.text.indexOf(wanted)
      if (at === 0) found.push(name)
      else if (at > 0) inside.push(name)
    }
    return [...found.toSorted(), ...inside.toSorted()].slice(0, most)
  }
}

function byName(a: Seen, b: Seen): number {
  return a.state.name < b.state.name ? -1 : 1
}

/** What is smallest comes first. */
const ORDERS: { readonly [sort in Sort]: (seen: Seen, now: number) => readonly [number, number] } =
  {
    waiting: ({ state, at }, now) => [
      -state.waiterCount,
      -((state.waiters[0]?.waitedFor ?? 0) + now - at),
    ],
    held: ({ state, at }, now) => {
      const { heldFor = null } = state.holders[0] ?? {}
      return heldFor === null ? [1, 0] : [0, -(heldFor + now - at)]
    },
    left: ({ state, at }, now) => {
      const { remaining = null } = state.holders[0] ?? {}
      return remaining === null ? [1, 0] : [0, remaining - (now - at)]
    },
    name: () => [0, 0],
  }
