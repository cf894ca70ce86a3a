import type { HoldfastError } from '../base/errors.js'
import type { Engine } from './engine.js'
import { freeState, inspect, type LockState } from './inspect.js'
import type { ListOptions } from './list-options.js'
import { Scan } from './list.js'
import type { Look, LockChange } from './watch.js'

/** Names that are looked at by each look: a watch is for people. */
const MOST_NAMES = 10_000

/** The looks of one watch. */
export class Looks {
  readonly #engine: Engine
  readonly #budget: number
  readonly #scan: Scan
  #known: ReadonlyMap<string, LockState> = new Map()
  #complete = false

  constructor(engine: Engine, pattern: string, options: ListOptions, budget: number) {
    this.#engine = engine
    this.#budget = budget
    this.#scan = new Scan(engine, pattern, options)
  }

  async next(): Promise<Look> {
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
