/**
 * That a holder waits for a name meanwhile: what it holds is not free before the wait is over. Written
 * into the holder's record, for the search of deadlocks. docs/protocol.md, "edge".
 */
export interface Edge {
  /** K of the name that is waited for. */
  readonly key: string
  /** The owner id that stands in its line. */
  readonly wait: string
  /** Whether the wait goes on in a deadlock, and only tells of it. */
  readonly reports: boolean
}

/** A wait, told from all others. */
export function idOf({ wait, key }: Edge): string {
  return `${wait} ${key}`
}

/** What is put behind the info of a holder's record. */
export function encodeEdges(edges: readonly Edge[]): string {
  return edges
    .map(({ key, wait, reports }) => `\n${JSON.stringify(reports ? [key, wait, 1] : [key, wait])}`)
    .join('')
}

/** Parts a record's info from the edges behind it. */
export function splitEdges(text: string): readonly [info: string, edges: readonly Edge[]] {
  const [info = '', ...lines] = text.split('\n')
  return [info, lines.flatMap(decodeEdge)]
}

function decodeEdge(line: string): Edge[] {
  try {
    const [key, wait, reports] = JSON.parse(line) as unknown[]
    if (typeof key !== 'string' || typeof wait !== 'string') return []
    return [{ key, wait, reports: reports === 1 }]
  } catch {
    // Written by another client: nothing that we know to read.
    return []
  }
}
