import { invalid } from '../base/errors.js'
import { checkName } from '../kernel/names.js'
import { BATCH } from '../kernel/protocol.js'
import { holdsHere, refuseDeadlock, Scopes } from './context.js'
import type { Engine } from './engine.js'
import type { LockSet } from './lock-set.js'
import { checkCall, type AcquireOptions, type LockOptions } from './options.js'
import { Semaphore } from './semaphore.js'
import { Taker, type Wanted } from './taker.js'
import { Takes } from './takes.js'

/** Several permits of a semaphore, as one of `all`. */
export interface AllPermits {
  readonly lock: Semaphore
  /** Default 1; at most the semaphore's limit, and at most 1000. */
  readonly permits?: number | undefined
}

/** One of `all`: a name, which is a mutex; a lock of the same Holdfast; several permits of a semaphore. */
export type AllItem = string | Taker | Semaphore | AllPermits

/** One item, understood. */
interface Item {
  readonly taker: Taker | Semaphore
  readonly permits: number | undefined
}

/**
 * Several names that are taken together, all or nothing: never does a caller hold some of them and
 * work. Names of one server (on a Cluster, of one slot) are granted by one call. If a name is taken, the
 * call waits in that one's line only, and then tries all again; what it has got it holds for no longer
 * than a second while another one lacks.
 */
export class AllOf extends Takes<LockSet, AcquireOptions, readonly Wanted[]> {
  /** @internal */
  protected readonly permits = false
  readonly #engine: Engine
  readonly #items: readonly Item[]
  readonly #options: LockOptions

  /** For this library only. */
  constructor(engine: Engine, items: readonly AllItem[], options: LockOptions) {
    super()
    this.#engine = engine
    this.#options = options
    if (!Array.isArray(items) || items.length === 0 || items.length > BATCH) {
      throw invalid('items', items, `an array of 1 to ${BATCH} names or locks`)
    }
    this.#items = items.map((item, i) => understood(engine, item, `items[${i}]`))
    const names = new Set<string>()
    for (const [i, { taker }] of this.#items.entries()) {
      if (names.has(taker.name)) throw invalid(`items[${i}]`, taker.name, 'each name only once')
      names.add(taker.name)
    }
    // For its errors, at the call that makes it.
    this.with(undefined)
  }

  /** @internal */
  with(options: AcquireOptions | undefined): readonly Wanted[] {
    if (options !== undefined) checkCall(options, false)
    const own = { ...this.#options, ...options }
    const { wait, signal, deadlock } = this.#engine.settings(own)
    const all = this.#items.map(({ taker, permits }, i) => {
      const wanted = taker.wanted(this.#engine, { ...own, permits })
      if (!wanted) throw invalid(`items[${i}]`, taker, 'a lock of the same Holdfast')
      return wanted
    })
    // One time limit for all that one call asks.
    const timeout = Math.min(...all.map(({ settings }) => settings.timeout))
    return all.map(({ settings, ...rest }) => ({
      ...rest,
      settings: { ...settings, wait, signal, deadlock, timeout },
    }))
  }

  /** @internal */
  async take(all: readonly Wanted[]): Promise<LockSet> {
    this.#engine.assertOpen()
    for (const { name, mode, settings } of all) {
      if (settings.wait > 0) refuseDeadlock(this.#engine, name, mode)
    }
    return this.#engine.acquireAll(all, holdsHere(undefined))
  }

  /** @internal */
  async enter(all: readonly Wanted[]): Promise<Scopes> {
    const set = await this.take(all)
    const places = all.map(({ name, mode }) => ({
      engine: this.#engine,
      name,
      mode,
      reentrant: false,
    }))
    return new Scopes(places, set)
  }
}

function understood(engine: Engine, item: AllItem, what: string): Item {
  if (typeof item === 'string') {
    checkName(item, engine.prefix)
    return { taker: new Taker(engine, item, 'x', {}, 'mutex'), permits: undefined }
  }
  if (item instanceof Taker) return { taker: item, permits: undefined }
  const { lock, permits, ...more } = (item ?? {}) as Partial<AllPermits>
  if (lock instanceof Semaphore && Object.keys(more).length === 0) return { taker: lock, permits }
  throw invalid(what, item, 'a name, a lock of this Holdfast, or { lock: semaphore, permits }')
}
