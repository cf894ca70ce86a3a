import { prefixKeys } from '../kernel/history.js'
import { insteadOf } from '../kernel/names.js'
import type { Cursors } from '../quorum/node.js'
import type { Engine } from './engine.js'
import { inspect, type LockState } from './inspect.js'
import { checkList, type ListEnd, type ListOptions } from './list-options.js'

const TIMEOUT_MS = 500
/** So many keys of a server are looked through by one command, about. */
const STEP = 100

/** Glob characters in the prefix stand for themselves. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&')
}

/** Goes through the keys of the servers, round after round, in steps. */
export class Scan {
  readonly #engine: Engine
  readonly #pattern: string
  /** The key of the index, if names are looked for there. */
  readonly index: string | undefined
  #cursors: Cursors | null = null

  /** @throws ERR_CLOSED */
  constructor(engine: Engine, pattern: string, { from }: ListOptions) {
    engine.assertOpen()
    this.#engine = engine
    this.#pattern = pattern
    const indexed = from === undefined ? engine.recorder?.indexes : from === 'index'
    this.index = indexed ? prefixKeys(engine.prefix).index : undefined
  }

  /** Whether the step before was the last one of a round, or none was made yet. */
  get done(): boolean {
    return this.#cursors === null
  }

  /** Names that may be held: another one may come twice in a round. @throws as `inspect`: the round is over */
  async step(): Promise<string[]> {
    const { prefix, node } = this.#engine
    this.#engine.assertOpen()
    // Without a glob it is one name.
    if (!/[*?[\\]/.test(this.#pattern)) {
      return insteadOf(this.#pattern, prefix) === null ? [this.#pattern] : []
    }
    const { index } = this
    // SCAN knows nothing of a prefix that the client puts before keys; the index has neither.
    const before = index === undefined ? node.keyPrefix + prefix : ''
    const from = this.#cursors
    this.#cursors = null
    if (index !== undefined && !from) await this.#engine.recorder?.tellNow()
    const glob = escapeGlob(before) + this.#pattern
    const { keys, cursors } = await node.scan(from, glob, STEP, TIMEOUT_MS, index)
    if (cursors.size > 0) this.#cursors = cursors
    // Under the prefix may be keys that belong to no lock.
    return keys
      .map((key) => key.slice(before.length))
      .filter((name) => insteadOf(name, prefix) === null)
  }

  /** Steps until so many keys were looked through, or the round is over. */
  async *names(budget: number): AsyncGenerator<readonly string[], void> {
    for (let left = Math.ceil(budget / STEP); left > 0; left--) {
      yield await this.step()
      if (this.done) return
    }
  }
}

export async function* list(
  engine: Engine,
  pattern: string,
  options: ListOptions = {},
): AsyncGenerator<LockState, ListEnd, undefined> {
  const budget = checkList(pattern, options, Infinity)
  const scan = new Scan(engine, pattern, options)
  const seen = new Set<string>()
  for await (const found of scan.names(budget)) {
    // SCAN may give a key twice.
    const names = found.filter((name) => !seen.has(name))
    for (const name of names) seen.add(name)
    const states = await Promise.all([...new Set(names)].map((name) => inspect(engine, name)))
    yield* states.filter((state) => state.holderCount > 0 || (scan.index && state.waiterCount > 0))
  }
  return { complete: scan.done }
}
