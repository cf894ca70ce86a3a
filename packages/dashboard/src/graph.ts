import type { Deadlock, LockState } from 'holdfast'
import type { Graph, GraphEdge, GraphNode, Who } from './model.js'
import type { People } from './people.js'

/** So many names are shown, those that most wait for first, and so many holders and waiters of each. */
export const MOST_NAMES = 200
const MOST_OF_EACH = 25

const text = ({ label, host, pid, id }: Who): string => {
  const where = host === undefined ? '' : pid === undefined ? host : `${host}:${pid}`
  if (label !== undefined) return where === '' ? label : `${label} (${where})`
  return where === '' ? (id === 'foreign' ? 'another library' : id) : where
}

/** Who holds what others wait for, and who waits for it: of these names. */
export function graphOf(
  states: readonly LockState[],
  circles: readonly Deadlock[],
  people: People,
  at: number,
  complete: boolean,
): Graph {
  const nodes = new Map<string, GraphNode>()
  const edges = new Map<string, GraphEdge>()
  const lines = new Map(states.map(({ name, waiterCount }) => [name, waiterCount]))
  let all = complete

  const lock = (name: string): string => {
    const id = `lock ${name}`
    const waiting = lines.get(name) ?? 0
    if (!nodes.has(id)) nodes.set(id, { id, kind: 'lock', label: name, name, waiting })
    return id
  }
  const person = (info: Parameters<People['who']>[0], of: string): string => {
    const who = people.who(info)
    // Holders of other libraries are not one.
    const id = who.id === 'foreign' ? `foreign ${of}` : who.id
    if (!nodes.has(id)) nodes.set(id, { id, kind: 'who', label: text(who), who })
    return id
  }
  const edge = (from: string, to: string, kind: GraphEdge['kind'], deadlock: boolean): void => {
    const key = `${kind} ${from} ${to}`
    if (deadlock || !edges.has(key)) edges.set(key, { from, to, kind, deadlock })
  }

  for (const { cycle } of circles) {
    for (const link of cycle) {
      const who = person(link, link.name)
      edge(lock(link.name), who, 'holds', true)
      edge(who, lock(link.waitsFor.name), 'waits', true)
    }
  }
  for (const { name, holders, holderCount, waiters, waiterCount } of states) {
    const id = lock(name)
    if (holderCount > MOST_OF_EACH || waiterCount > MOST_OF_EACH) all = false
    for (const holder of holders.slice(0, MOST_OF_EACH)) {
      edge(id, person(holder, name), 'holds', false)
    }
    for (const waiter of waiters.slice(0, MOST_OF_EACH)) {
      edge(person(waiter, name), id, 'waits', false)
    }
  }
  return {
    at,
    nodes: [...nodes.values()],
    edges: [...edges.values()],
    deadlocks: circles.map(({ cycle }) => cycle.map(({ name }) => name)),
    complete: all,
  }
}
