import { HoldfastError, invalid, who, type DeadlockLink } from '../base/errors.js'
import { idOf, type Edge } from '../kernel/edges.js'
import { checkName } from '../kernel/names.js'
import { modeName } from '../kernel/protocol.js'
import type { Engine } from './engine.js'
import { again, circles, type Circle, type Link, type SeenWait } from './deadlock-graph.js'
import { look, walk } from './deadlock-walk.js'
import { processOf } from './inspect.js'
import { list } from './list.js'
import { known } from './options.js'

const TIMEOUT_MS = 500
/** Between two looks. */
export const AGAIN_MS = 500
const MOST_SCANNED = 10_000
/** Names that are looked at together. */
const STEP = 100

/** Calls that wait in a circle, so that none of them can go on. */
export interface Deadlock {
  /** The first came last, and is the one that is given up by itself, unless its option says otherwise. */
  readonly cycle: readonly DeadlockLink[]
}

/** As this Holdfast's user calls it. */
function nameOf(key: string, prefix: string): string {
  return key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : key
}

const ago = (since: number, now: number): number => Math.max(0, Math.round(now - since))

/** The circle from the holder whose wait it is seen from. */
export function cycleOf({ way }: Circle, prefix: string): DeadlockLink[] {
  const one = ({ holder, next }: Link, held: SeenWait): DeadlockLink => ({
    ...processOf(holder.record!),
    name: nameOf(held.key, prefix),
    mode: modeName(holder.record!.mode),
    owner: holder.owner,
    heldFor: ago(holder.record!.since, held.now),
    waitsFor: {
      name: nameOf(next.key, prefix),
      mode: modeName(next.record!.mode),
      owner: next.wait,
      waitedFor: ago(next.record!.since, next.now),
    },
  })
  // Link by link: who holds what the one before waits for.
  const links = way.map((link, i) => one(link, way.at(i - 1)!.next))
  return [links.at(-1)!, ...links.slice(0, -1)]
}

function saying(link: DeadlockLink): string {
  const waitsFor = JSON.stringify(link.waitsFor.name)
  return `${who(link)} holds ${JSON.stringify(link.name)} and waits for ${waitsFor}`
}

/** The error of a wait that is given up. */
export function deadlockError(name: string, cycle: readonly DeadlockLink[]): HoldfastError {
  const message =
    `the wait for the lock ${JSON.stringify(name)} was given up, because it came last of those that ` +
    `wait in a circle: ${cycle.map(saying).join('; ')}. Take locks in the same order everywhere`
  return new HoldfastError('ERR_DEADLOCK', message, { lock: name, cycle })
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
