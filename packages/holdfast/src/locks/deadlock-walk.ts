import { idOf, type Edge } from '../kernel/edges.js'
import { decodeRecord } from '../kernel/protocol.js'
import type { Nodes } from '../quorum/nodes.js'
import type { SeenHolder, SeenWait } from './deadlock-graph.js'
import { triples } from './records.js'

/** A look goes no further than this: what was not seen is not stuck. */
const MOST_WAITS = 200

/**
 * Looks at waits, at whoever holds their names, at what these wait for, and so on: level by level,
 * each in few calls.
 */
export async function walk(
  node: Nodes,
  timeout: number,
  from: readonly Edge[],
  most: number = MOST_WAITS,
  strict: boolean = false,
): Promise<SeenWait[]> {
  const known = new Set(from.map(idOf))
  const seen: SeenWait[] = []
  for (let level = from; level.length > 0;) {
    const found = await Promise.all(level.map((edge) => look(node, timeout, edge, strict)))
    seen.push(...found)
    const next: Edge[] = []
    for (const { record, holders } of found) {
      // Who does not stand in line waits for nobody.
      if (!record) continue
      for (const edge of holders.flatMap((holder) => holder.record?.edges ?? [])) {
        if (known.size >= most || known.has(idOf(edge))) continue
        known.add(idOf(edge))
        next.push(edge)
      }
    }
    level = next
  }
  return seen
}

/**
 * One name: nothing is known of it where the server does not say.
 *
 * @throws ERR_UNAVAILABLE, ERR_CONFIG, where it is to be strict.
 */
export async function look(
  node: Nodes,
  timeout: number,
  edge: Edge,
  strict: boolean,
): Promise<SeenWait> {
  const nothing = { ...edge, record: null, holders: [], complete: false, now: 0 }
  try {
    // K is whole: names of every prefix are in one graph.
    const { raw, now } = await node.ask('waits', edge.key, timeout, () => [edge.wait])
    const [status, text, count, withheld, list] = raw
    if (status !== 'waits') return nothing
    const holders: SeenHolder[] = []
    for (const [owner, , record] of triples(list)) {
      holders.push({ owner, record: decodeRecord(record) })
    }
    const record = decodeRecord(String(text))
    // Those who share and were asked to go end by themselves, all of them.
    if (Number(withheld) > 0) return { ...nothing, record, now }
    return { ...edge, record, holders, complete: holders.length === Number(count), now }
  } catch (error) {
    if (strict) throw error
    return nothing
  }
}
