import { idOf, type Edge } from '../kernel/edges.js'
import type { StoredRecord } from '../kernel/protocol.js'

/** A holder of a name, as the server showed it. */
export interface SeenHolder {
  /** Empty: of another library. */
  readonly owner: string
  readonly record: StoredRecord | null
}

/** A wait, as the server showed it: who waits, and who holds the name meanwhile. */
export interface SeenWait extends Edge {
  /** Null when it does not stand in line, or nothing is known of it: then it is not stuck. */
  readonly record: StoredRecord | null
  readonly holders: readonly SeenHolder[]
  /** Whether these are all holders, and none of them has to end by itself. */
  readonly complete: boolean
  /** Server ms of the answer. */
  readonly now: number
}

/** Of a wait that is stuck: a holder that is in its way, and the wait on which that one hangs. */
export interface Link {
  readonly holder: SeenHolder
  readonly next: SeenWait
}

/** What is known better here than on the server: whether a holder hangs on a wait. */
type Hangs = (holder: SeenHolder, edge: Edge) => boolean

type Stuck = ReadonlyMap<SeenWait, readonly Link[]>

/** Waits in a circle, seen from one of them. */
export interface Circle {
  /** One way round: from the wait itself, link by link, back to it. */
  readonly way: readonly Link[]
  /** The one that came last: it is to end. Of those who only report, if there are no others. */
  readonly youngest: SeenWait
  /** All on which it rests. Seen twice, all of it was true at one time in between. */
  readonly proof: ReadonlySet<string>
}

/**
 * The waits that nobody but they themselves can end. A wait for an exclusive or shared lock is stuck
 * if any holder is, one for permits only if every holder is; a holder is stuck if a wait of its own is.
 * The largest set of which this is true, among those that were seen: what was not seen is not stuck.
 */
function stuckOf(seen: readonly SeenWait[], hangs: Hangs = () => true): Stuck {
  const waiting = seen.filter(({ record }) => record !== null)
  const stuck = new Map(waiting.map((wait) => [idOf(wait), wait]))
  const linksOf = (holder: SeenHolder): Link[] => {
    const { record } = holder
    // Its lease is not renewed any more, so that it ends by itself.
    if (!record || record.forced) return []
    return record.edges.flatMap((edge) => {
      const next = stuck.get(idOf(edge))
      return next && hangs(holder, edge) ? [{ holder, next }] : []
    })
  }
  for (let size = -1; size !== stuck.size;) {
    size = stuck.size
    for (const [id, wait] of stuck) {
      const hanging = wait.holders.filter((holder) => linksOf(holder).length > 0).length
      const every = wait.complete && hanging === wait.holders.length
      if (hanging === 0 || (wait.record!.mode === 'p' && !every)) stuck.delete(id)
    }
  }
  return new Map([...stuck.values()].map((wait) => [wait, wait.holders.flatMap(linksOf)]))
}

/** Younger: came later by the server's time; at one moment, by the owner ids. */
function younger(a: SeenWait, b: SeenWait): boolean {
  const [x, y] = [a.record!.since, b.record!.since]
  if (x !== y) return x > y
  if (a.wait.length !== b.wait.length) return a.wait.length > b.wait.length
  return a.wait > b.wait
}

/** The circle that a wait is a part of; null where it is in none, though it may be stuck behind one. */
function circleOf(me: SeenWait, stuck: Stuck): Circle | null {
  if (!stuck.has(me)) return null
  // Breadth first, so that the way back is a shortest one.
  const cameBy = new Map<SeenWait, readonly [from: SeenWait, link: Link] | null>([[me, null]])
  let closing: readonly [from: SeenWait, link: Link] | null = null
  const proof = new Set<string>()
  for (const wait of cameBy.keys()) {
    for (const link of stuck.get(wait)!) {
      proof.add(`${idOf(wait)} ${link.holder.owner} ${idOf(link.next)}`)
      if (link.next === me) closing ??= [wait, link]
      else if (!cameBy.has(link.next)) cameBy.set(link.next, [wait, link])
    }
  }
  if (!closing) return null
  const way: Link[] = []
  for (let at: typeof closing | null = closing; at; at = cameBy.get(at[0])!) way.unshift(at[1])

  // Those from which there is a way back; the others are in a circle of their own further on.
  const circle = new Set([me])
  for (let size = 0; size !== circle.size;) {
    size = circle.size
    for (const wait of cameBy.keys()) {
      if (stuck.get(wait)!.some(({ next }) => circle.has(next))) circle.add(wait)
    }
  }
  const all = [...circle]
  const breaking = all.filter(({ reports }) => !reports)
  const youngest = (breaking.length > 0 ? breaking : all).reduce((a, b) => (younger(b, a) ? b : a))
  return { way, youngest, proof }
}

/** The circle of a wait, of which it is known what really hangs on it: these owner ids. */
export function circleAt(
  edge: Edge,
  behind: ReadonlySet<string>,
  seen: readonly SeenWait[],
): Circle | null {
  const me = seen.find((wait) => idOf(wait) === idOf(edge))
  if (!me) return null
  const hangs: Hangs = ({ owner }, { wait }) => wait !== edge.wait || behind.has(owner)
  return circleOf(me, stuckOf(seen, hangs))
}

/** All circles, each once: as its youngest wait sees it. */
export function circles(seen: readonly SeenWait[]): Circle[] {
  const stuck = stuckOf(seen)
  return [...stuck.keys()].flatMap((wait) => {
    const circle = circleOf(wait, stuck)
    return circle?.youngest === wait ? [circle] : []
  })
}

/** Whether what was seen before is all seen again. */
export function again(before: Circle | null, now: Circle): boolean {
  if (!before) return false
  for (const one of before.proof) if (!now.proof.has(one)) return false
  return true
}
