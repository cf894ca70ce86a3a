import { invalid, type DeadlockLink } from '../base/errors.js'
import { idOf, type Edge } from '../kernel/edges.js'
import { checkName } from '../kernel/names.js'
import { again, circles, type Circle } from './deadlock-graph.js'
import { AGAIN_MS, cycleOf } from './deadlock-report.js'
import { look, walk } from './deadlock-walk.js'
import type { Engine } from './engine.js'
import { list } from './list.js'
import { known } from './options.js'

const TIMEOUT_MS = 500
const MOST_SCANNED = 10_000
/** Names that are looked at together. */
const STEP = 100

/** Calls that wait in a circle, so that none of them can go on. */
export interface Deadlock {
  /** The first came last, and is the one that is given up by itself, unless its option says otherwise. */
  readonly cycle: readonly DeadlockLink[]
}

/** Options of `deadlocks`. */
export interface DeadlocksOptions {
  /**
   * Only circles that go through one of these names, which somebody waits for: no SCAN then. Of each circle one name
   * is enough. At most 10,000. Default: all names that are held.
   */
  readonly names?: readonly string[] | undefined
}

function checkDeadlocks(options: DeadlocksOptions, prefix: string): readonly string[] | undefined {
  known('options', options, ['names'])
  const { names } = options
  if (names === undefined) return undefined
  if (!Array.isArray(names) || names.length > MOST_SCANNED) {
    throw invalid('options.names', names, `a list of at most ${MOST_SCANNED} names`)
  }
  for (const name of names) checkName(name, prefix)
  return names
}

async function* heldNames(engine: Engine): AsyncGenerator<string, void> {
  for await (const { name } of list(engine, '*', { from: 'scan' })) yield name
}

/** Looks at all names that are held under this prefix, or at these, and follows what their holders wait for. */
export async function deadlocks(engine: Engine, options: DeadlocksOptions): Promise<Deadlock[]> {
  const { node, prefix, runtime } = engine
  engine.assertOpen()
  const names = checkDeadlocks(options, prefix)
  const waits = new Map<string, Edge>()
  const held: string[] = []
  const step = async (): Promise<void> => {
    const keys = held.splice(0).map((key) => ({ key, wait: '', reports: false }))
    const found = await Promise.all(keys.map((one) => look(node, TIMEOUT_MS, one, true)))
    for (const { holders } of found) {
      for (const edge of holders.flatMap((holder) => holder.record?.edges ?? [])) {
        waits.set(idOf(edge), edge)
      }
    }
  }
  for await (const name of names ?? heldNames(engine)) {
    if (held.push(prefix + name) === STEP) await step()
  }
  await step()
  const search = async (): Promise<Circle[]> =>
    circles(await walk(node, TIMEOUT_MS, [...waits.values()], MOST_SCANNED, true))
  const first = await search()
  if (first.length === 0) return []
  await new Promise<void>((resolve) => runtime.setTimer(resolve, AGAIN_MS, true))
  engine.assertOpen()
  const now = await search()
  return now
    .filter((circle) => first.some((before) => again(before, circle)))
    .map((circle) => ({ cycle: cycleOf(circle, prefix) }))
}
