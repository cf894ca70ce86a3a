import type { LockState, Look } from 'holdfast'
import { heldBy, modeOf, spanOf } from '../shown.js'
import { cut, pad, plain, shorten } from '../text.js'

/** What the rows may be ordered by, first the largest: but names, and leases that end soon, from the least. */
export const SORTS = ['waiting', 'held', 'left', 'name'] as const
type Sort = (typeof SORTS)[number]

/** What the user has chosen. */
export interface View {
  sort: Sort
  reverse: boolean
  filter: string
  /** The filter is being typed. */
  typing: boolean
  /** Rows that are above the screen. */
  above: number
}

/** What is shown. */
export interface Seen {
  readonly look: Look | null
  /** Why nothing newer is known. */
  readonly trouble: string | null
  readonly where: string
  readonly at: Date
}

/** What is left of the line from before. Ahead of the text: at its end it would take the last column. */
const CLEAR = '\x1b[K'
const INVERSE = '\x1b[7m'
const BOLD = '\x1b[1m'
const PLAIN = '\x1b[m'

interface Cell {
  readonly head: string
  readonly width: number
  readonly right?: boolean
  readonly of: (state: LockState, width: number) => string
}

function cellsFor(columns: number): Cell[] {
  const fixed: Cell[] = [
    { head: 'MODE', width: 11, of: ({ holders: [one] }) => (one ? modeOf(one) : '-') },
    {
      head: 'SINCE',
      width: 6,
      right: true,
      of: ({ holders: [one] }) => spanOf(one?.heldFor ?? null),
    },
    {
      head: 'LEFT',
      width: 6,
      right: true,
      of: ({ holders: [one] }) => spanOf(one?.remaining ?? null),
    },
    { head: 'WAITING', width: 7, right: true, of: ({ waiterCount }) => String(waiterCount) },
    {
      head: 'LONGEST',
      width: 7,
      right: true,
      of: ({ waiters: [one] }) => spanOf(one?.waitedFor ?? null),
    },
  ]
  const room = columns - fixed.reduce((sum, { width }) => sum + width + 2, 0) - 2
  const name = Math.max(8, Math.floor(room / 2))
  return [
    { head: 'NAME', width: name, of: (state, width) => shorten(state.name, width) },
    {
      head: 'HELD BY',
      width: Math.max(8, room - name),
      of: (state, width) => cut(heldBy(state), width),
    },
    ...fixed,
  ]
}

/**
 * One line of cells. Each begins at its own column whatever the terminal makes of the ones before: widths of
 * unusual characters differ between terminals.
 */
function lineOf(cells: readonly Cell[], of: (cell: Cell) => string): string {
  let column = 1
  return cells
    .map((cell) => {
      const text = `\x1b[${column}G${pad(of(cell), cell.width, cell.right)}`
      column += cell.width + 2
      return text
    })
    .join('')
}

const orders: Readonly<Record<Sort, (a: LockState, b: LockState) => number>> = {
  waiting: (a, b) => b.waiterCount - a.waiterCount || longest(b) - longest(a),
  held: (a, b) => (b.holders[0]?.heldFor ?? -1) - (a.holders[0]?.heldFor ?? -1),
  left: (a, b) =>
    (a.holders[0]?.remaining ?? Infinity) - (b.holders[0]?.remaining ?? Infinity) || 0,
  name: () => 0,
}
const longest = ({ waiters: [one] }: LockState): number => one?.waitedFor ?? 0

/** The rows of a view, in its order. */
function rowsOf(states: readonly LockState[], view: View): LockState[] {
  const wanted = view.filter.toLowerCase()
  const rows = states.filter((state) =>
    [state.name, heldBy(state)].some((text) => text.toLowerCase().includes(wanted)),
  )
  // They come by their names, which is what counts where nothing else differs.
  rows.sort(orders[view.sort])
  return view.reverse ? rows.toReversed() : rows
}

/** The whole screen, as lines: none is longer than it is wide, and there are not more than it is high. */
export function frame(seen: Seen, view: View, columns: number, height: number): string[] {
  const { look, trouble } = seen
  const states = look?.states ?? []
  const held = states.filter(({ holderCount }) => holderCount > 0).length
  const waiting = states.reduce((sum, { waiterCount }) => sum + waiterCount, 0)
  const contended = states.filter(({ waiterCount }) => waiterCount > 0).length
  const counts = `${held} held, ${waiting} waiting for ${contended} of them`
  const more = look?.complete === false ? ', still looking for more' : ''
  const filter = view.typing
    ? `/${view.filter}_`
    : view.filter === ''
      ? ''
      : `filter ${view.filter}`
  const line = (text: string): string => cut(text, columns)
  const head = [
    BOLD +
      line(`holdfast top  ${seen.at.toTimeString().slice(0, 8)}  ${plain(seen.where)}`) +
      PLAIN,
    line(look ? counts + more : 'looking'),
    line(
      (trouble && plain(trouble)) ??
        (filter && plain(filter)) +
          `${filter && '  '}by ${view.sort}${view.reverse ? ', reversed' : ''}` +
          '  [s]ort [r]everse [/]filter [q]uit',
    ),
  ]
  const cells = cellsFor(columns)
  const rows = rowsOf(states, view)
  const room = Math.max(0, height - head.length - 1)
  view.above = Math.max(0, Math.min(view.above, rows.length - room))
  const shown = rows.slice(view.above, view.above + room)
  return [
    ...head,
    INVERSE + lineOf(cells, ({ head: title }) => title) + PLAIN,
    ...shown.map((state) => lineOf(cells, (cell) => cell.of(state, cell.width))),
  ]
    .slice(0, height)
    .map((text) => CLEAR + text)
}
