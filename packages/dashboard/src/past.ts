import type { HistoryEntry, HoldfastError } from 'holdfast'
import type { Entry, Histogram, Series } from './model.js'
import type { LocksLike } from './options.js'
import type { People } from './people.js'
import { histogram, series } from './statistics.js'

/** As many entries are kept and read, of all names. */
const MOST = 10_000
const DAY = 24 * 3_600_000
/** Asked for each second; a page of this many if that was not enough. */
const FEW = 50
const MANY = 1000
/** So many entries of a name are shown. */
const SHOWN = 100
/** How long what was read of a name's own history counts. */
const OWN_MS = 30_000

/** The history of the prefix, as far as it was read: the newest entries. */
export class Past {
  readonly #locks: LocksLike
  readonly #people: People
  /** The oldest first. */
  #entries: HistoryEntry[] = []
  #last: string | null = null
  /** Of names that the history of the prefix says nothing of. */
  readonly #own = new Map<
    string,
    { readonly at: number; readonly entries: readonly HistoryEntry[] }
  >()

  constructor(locks: LocksLike, people: People) {
    this.#locks = locks
    this.#people = people
  }

  /** Whether somebody writes a history. */
  get kept(): boolean {
    return this.#last !== null
  }

  /** Reads what is new. @returns the names that something happened to since the reading before. */
  async read(): Promise<Set<string>> {
    const last = this.#last
    const fresh: HistoryEntry[] = []
    let before: string | undefined
    let limit = last === null ? MANY : FEW
    for (;;) {
      const { entries, next } = await this.#locks.history(undefined, {
        limit,
        ...(before === undefined ? {} : { before }),
      })
      const known = last === null ? -1 : entries.findIndex(({ id }) => !later(id, last))
      fresh.push(...(known < 0 ? entries : entries.slice(0, known)))
      if (known >= 0 || next === null || fresh.length >= MOST) break
      before = next
      limit = MANY
    }
    if (fresh.length === 0) return new Set()
    this.#last = fresh[0]!.id
    this.#entries = [...this.#entries, ...fresh.toReversed()].slice(-MOST)
    if (last === null) return new Set()
    return new Set(fresh.flatMap((entry) => (entry.event === 'missed' ? [] : [entry.name])))
  }

  /** Reads the own history of a name of which that of the prefix says nothing. */
  async readOwn(name: string, now: number): Promise<void> {
    const own = this.#own.get(name)
    if ((own && now - own.at < OWN_MS) || this.#of(name).length > 0) return
    const entries = await this.#locks.history(name, { limit: SHOWN }).then(
      (page) => page.entries,
      (error: HoldfastError) => {
        // No lock can have that name.
        if (error.code === 'ERR_INVALID_ARGUMENT') return []
        throw error
      },
    )
    if (this.#own.size > 100) this.#own.clear()
    this.#own.set(name, { at: now, entries })
  }

  #of(name: string): readonly HistoryEntry[] {
    return this.#entries.filter((entry) => entry.event !== 'missed' && entry.name === name)
  }

  /** Names that somebody led, or stood for. */
  elections(): Set<string> {
    const names = new Set<string>()
    for (const entry of this.#entries) {
      if (entry.event !== 'missed' && entry.who.election) names.add(entry.name)
    }
    return names
  }

  /** Leases lost in the last 24 hours. */
  lost(now: number): number | null {
    if (!this.kept) return null
    return this.#entries.filter(({ event, at }) => event === 'lost' && at > now - DAY).length
  }

  series(now: number, held: readonly number[], waiting: readonly number[]): Series | null {
    return this.kept ? series(this.#entries, now, held, waiting) : null
  }

  /** What happened to a name. */
  page(name: string): { history: Entry[]; waits: Histogram; holds: Histogram } | null {
    const inPrefix = this.#of(name)
    const entries =
      inPrefix.length > 0 ? inPrefix : (this.#own.get(name)?.entries ?? []).toReversed()
    if (!this.kept && entries.length === 0) return null
    const waits: number[] = []
    const holds: number[] = []
    for (const entry of entries) {
      if (entry.event === 'granted' || entry.event === 'gave-up') waits.push(entry.waited)
      if (entry.event === 'released' || entry.event === 'lost') holds.push(entry.held)
    }
    return {
      history: entries
        .slice(-SHOWN)
        .toReversed()
        .map((entry) => this.#shown(entry)),
      waits: histogram(waits),
      holds: histogram(holds),
    }
  }

  #shown(entry: HistoryEntry): Entry {
    const { id, at, event, who, client } = entry
    const all = { id, at, event, who: this.#people.who({ ...who, owner: client }) }
    switch (entry.event) {
      case 'waiting':
        return { ...all, mode: entry.mode, waited: entry.waited }
      case 'gave-up':
        return { ...all, mode: entry.mode, waited: entry.waited, reason: entry.reason }
      case 'granted': {
        const { mode, fence, waited, pushed, local } = entry
        return { ...all, mode, fence, waited, pushed, local }
      }
      case 'released': {
        const { mode, fence, held, released } = entry
        return { ...all, mode, fence, held, ...(released ? {} : { reason: 'unsure' }) }
      }
      case 'lost': {
        const { mode, fence, held, reason } = entry
        return { ...all, mode, fence, held, reason }
      }
      case 'revoked':
        return { ...all, mode: entry.mode, fence: entry.fence, by: entry.by }
      case 'deadlock':
        return { ...all, mode: entry.mode, names: entry.names, broken: entry.broken }
      case 'missed':
        return { ...all, count: entry.count }
    }
  }
}

/** Ids are `<ms>-<number>`. */
function later(a: string, b: string): boolean {
  const [x = 0, i = 0] = a.split('-').map(Number)
  const [y = 0, j = 0] = b.split('-').map(Number)
  return x > y || (x === y && i > j)
}
