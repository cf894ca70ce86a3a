import type { HoldfastError } from '../base/errors.js'
import type { Engine } from './engine.js'
import { freeState, inspect, type HeldBy, type LockState, type WaitingFor } from './inspect.js'
import { checkList, Scan, type ListOptions } from './list.js'

/** Keys of a server that one look goes through, about. */
const BUDGET = 10_000
/** Names that are looked at by each look: a watch is for people. */
const MOST_NAMES = 10_000

/** What is different from the look before, in one name. */
export type LockChange =
  /** Who holds it now, and did not before; who held it before, and does not now, as it was seen last. */
  | { readonly kind: 'holds' | 'ended'; readonly name: string; readonly who: HeldBy }
  /** Who waits for it now, and did not before; who waited before, and neither waits nor holds now. */
  | { readonly kind: 'waits' | 'left'; readonly name: string; readonly who: WaitingFor }

/** What a look found. */
export interface Look {
  /** The names that are held or waited for, by their names. At most 10,000. */
  readonly states: readonly LockState[]
  /**
   * What changed since the look before, name by name: of a name first who went, then who came. At the
   * first sight of a name all who are there. A name with more than 100 holders, or waiters, tells no
   * changes of these.
   */
  readonly changes: readonly LockChange[]
  /** Whether names may be lacking: not all keys were looked through yet, or there are more names. */
  readonly complete: boolean
}

/**
 * Looks at names from outside, again and again, whoever holds them: `locks.watch()`. It keeps what it
 * has seen, so that each look says what changed; between two looks it does nothing.
 */
export class Watch {
  readonly #engine: Engine
  readonly #budget: number
  readonly #scan: Scan
  #known: ReadonlyMap<string, LockState> = new Map()
  #complete = false
  #looking: Promise<Look> | null = null

  constructor(engine: Engine, pattern: string, options: ListOptions) {
    this.#budget = checkList(pattern, options, BUDGET)
    this.#engine = engine
    this.#scan = new Scan(engine, pattern, options)
  }

  /**
   * Looks at all names that it knows, and for new ones among so many keys as its budget allows, from where
   * the look before ended. So on a server with more keys it may take several looks until a name is found.
   * While one is under way, the same one. One that fails changes nothing: the next tells what changed
   * meanwhile.
   *
   * @throws ERR_UNAVAILABLE, ERR_NO_QUORUM, ERR_CONFIG, ERR_CLOSED
   */
  look(): Promise<Look> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null))
    return this.#looking
  }

  async #look(): Promise<Look> {
    const names = new Set(this.#known.keys())
    for await (const found of this.#scan.names(this.#budget)) {
      for (const name of found) if (names.size < MOST_NAMES) names.add(name)
    }
    const all = await this.#statesOf([...names])
    const changes = all.flatMap((now) => changesOf(this.#known.get(now.name), now))
    const states = all.filter(({ holderCount, waiterCount }) => holderCount > 0 || waiterCount > 0)
    this.#known = new Map(states.map((state) => [state.name, state]))
    this.#complete = (this.#complete || this.#scan.done) && names.size < MOST_NAMES
    return { states, changes, complete: this.#complete }
  }

  async #statesOf(names: readonly string[]): Promise<LockState[]> {
    const states: LockState[] = []
    let refused: unknown
    const look = async (name: string): Promise<void> => {
      try {
        states.push(await inspect(this.#engine, name))
      } catch (error) {
        const { code, lock } = error as HoldfastError
        if (code !== 'ERR_CONFIG' || lock !== name) throw error
        // Its key has become something else than a lock: the others are none the worse for it.
        states.push(freeState(name))
        refused = error
      }
    }
    await Promise.all(names.map(look))
    if (refused !== undefined && names.length === 1) throw refused
    return states.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }
}

function changesOf(before: LockState | undefined, now: LockState): LockChange[] {
  const { name } = now
  const holders = new Map(now.holders.map((who) => [who.owner, who]))
  const waiters = new Map(now.waiters.map((who) => [who.owner, who]))
  const held = new Set(before?.holders.map(({ owner }) => owner))
  const waited = new Set(before?.waiters.map(({ owner }) => owner))
  const changes: LockChange[] = []
  // Of more than are shown it is not known who came and went.
  const all = (state: LockState): boolean => state.holders.length === state.holderCount
  const tellsHolders = all(now) && (!before || all(before))
  const line = (state: LockState): boolean => state.waiters.length === state.waiterCount
  const tellsWaiters = line(now) && (!before || line(before))
  if (tellsHolders) {
    for (const who of before?.holders ?? []) {
      if (!holders.has(who.owner)) changes.push({ kind: 'ended', name, who })
    }
  }
  if (tellsWaiters) {
    for (const who of before?.waiters ?? []) {
      const gone = !waiters.has(who.owner) && !holders.has(who.owner)
      if (gone) changes.push({ kind: 'left', name, who })
    }
  }
  if (tellsHolders) {
    for (const who of now.holders) {
      if (!held.has(who.owner)) changes.push({ kind: 'holds', name, who })
    }
  }
  if (tellsWaiters) {
    for (const who of now.waiters) {
      if (!waited.has(who.owner)) changes.push({ kind: 'waits', name, who })
    }
  }
  return changes
}
