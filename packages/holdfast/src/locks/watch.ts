import type { Engine } from './engine.js'
import type { HeldBy, LockState, WaitingFor } from './inspect.js'
import { checkList, type ListOptions } from './list-options.js'
import { more } from './parts.js'
import type { Looks } from './watch-looks.js'

/** Keys of a server that one look goes through, about. */
const BUDGET = 10_000

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
  readonly #pattern: string
  readonly #options: ListOptions
  readonly #budget: number
  #looks: Looks | null = null
  #looking: Promise<Look> | null = null

  constructor(engine: Engine, pattern: string, options: ListOptions) {
    this.#budget = checkList(pattern, options, BUDGET)
    engine.assertOpen()
    this.#engine = engine
    this.#pattern = pattern
    this.#options = { ...options }
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
    const part = await this.#engine.with(more)
    this.#looks ??= new part.Looks(this.#engine, this.#pattern, this.#options, this.#budget)
    return this.#looks.next()
  }
}
