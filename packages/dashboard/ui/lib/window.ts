import type { Series } from '../../src/model.js'

/** Which rows of a long table are drawn, and which are asked for. */
export interface Window {
  /** First row drawn, and the one after the last. */
  readonly first: number
  readonly end: number
}

/** Rows in view, with some more on both sides, so that a step or a turn of the wheel finds them there. */
export function rowsInView(
  { top, height, total }: { top: number; height: number; total: number },
  rowHeight: number,
  more = 12,
): Window {
  const last = Math.max(0, total)
  const first = Math.min(Math.max(0, Math.floor(top / rowHeight) - more), last)
  const end = Math.min(last, Math.ceil((top + height) / rowHeight) + more)
  return { first, end: Math.max(first, end) }
}

/**
 * The part of the table to ask for. It begins and ends at multiples of `step`: while somebody scrolls within a step the
 * question stays the same, and two who look at the same place ask the same.
 */
export function pageFor(view: Window, step = 50, most = 500): { offset: number; limit: number } {
  const offset = Math.floor(view.first / step) * step
  const limit = Math.max(step, Math.ceil((view.end - offset) / step) * step)
  return { offset, limit: Math.min(most, limit) }
}

/**
 * Browsers stop at some tens of millions of pixels: of a longer table only so many rows can be reached by scrolling,
 * and a filter has to find the others.
 */
export const reachable = (total: number, rowHeight: number): number =>
  Math.min(total, Math.floor(15_000_000 / rowHeight))

/** The fewest moments that a plot shows. */
const FEWEST = 10

/** How many moments at the beginning say nothing: a server that is new would have its line at the edge. */
export function unused({ wait, hold, held, waitingCount }: Series): number {
  const first = held.findIndex(
    (n, i) => n > 0 || waitingCount[i]! > 0 || wait.p50[i] !== null || hold.p50[i] !== null,
  )
  const most = Math.max(0, held.length - FEWEST)
  return first === -1 ? 0 : Math.min(most, Math.max(0, first - 1))
}
