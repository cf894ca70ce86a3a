import { writeSync } from 'node:fs'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { styleText } from 'node:util'
import { Silent } from './exit.js'
import type { OutputOptions } from './options.js'
import { cut, jsonOf, pad, plain, shorten, widthOf } from './text.js'

const STDOUT = 1
/** No column is made narrower than this. */
const NARROWEST = 12
/** Columns of a name, where it is not alone. */
const LONGEST_NAME = 60

/** One column of a table: what stands over it, and what it shows of a row. */
export interface Column<Row> {
  readonly head: string
  readonly of: (row: Row) => string | number | null | undefined
  /** For numbers. */
  readonly right?: boolean
  /** `plain` has made it already. */
  readonly shown?: boolean
  /** In a terminal it is shortened in the middle, where the line would be too long. */
  readonly flexible?: boolean
}

type Style = Parameters<typeof styleText>[0]

/** Where a command prints: NDJSON with `--json`, else text and tables for people. */
export interface Output {
  readonly json: boolean
  readonly color: boolean
  /** One object as one line of JSON, or what `text` makes of it. */
  one<Row extends object>(row: Row, text: (row: Row) => string): void
  /** One line of JSON for each row, or a table. */
  table<Row extends object>(rows: readonly Row[], columns: readonly Column<Row>[]): void
  /** A name in a line of text: as a terminal may see it, and there not too long. */
  name(name: string): string
  /** The text with a style, if there are colours. */
  paint(style: Style, text: string): string
}

export function outputOf(options: OutputOptions): Output {
  const json = options.json ?? false
  const { NO_COLOR = '', TERM } = process.env
  // Of the descriptor: the stream of Node would change how a pipe is written to.
  const terminal = isatty(STDOUT)
  const color = options.color && NO_COLOR === '' && TERM !== 'dumb' && terminal
  const paint = (style: Style, text: string): string => (color ? styleText(style, text) : text)
  return {
    json,
    color,
    paint,
    name: (name) => (terminal ? shorten(name, LONGEST_NAME) : plain(name)),
    one: (row, text) => print(json ? jsonOf(row) : text(row)),
    table: (rows, columns) => {
      const room = terminal ? process.stdout.columns || 80 : Infinity
      if (json) for (const row of rows) print(jsonOf(row))
      else for (const line of linesOf(rows, columns, room, paint)) print(line)
    },
  }
}

/** @throws Silent: whoever read it has gone, which ends a program as SIGPIPE does */
function print(line: string): void {
  let rest = Buffer.from(`${line}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') throw new Silent(128 + constants.signals.SIGPIPE)
      // A pipe that is full and was made not to block: as if it did.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/** A table as lines, the first of which has the heads. */
export function linesOf<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  room: number,
  paint: Output['paint'],
): string[] {
  const cells = rows.map((row) =>
    columns.map(({ of, shown }) => {
      const text = String(of(row) ?? '-')
      return shown ? text : plain(text)
    }),
  )
  const widths = columns.map(({ head }, i) =>
    Math.max(head.length, ...cells.map((cell) => widthOf(cell[i]!))),
  )
  narrow(widths, columns, room)
  const line = (cell: readonly string[]): string =>
    columns
      .map(({ right }, i) => pad(cut(cell[i]!, widths[i]!), widths[i]!, right))
      .join('  ')
      .trimEnd()
  const head = paint('bold', line(columns.map((column) => column.head)))
  return [head, ...cells.map(line)]
}

/** Takes from the widest of the flexible columns, until the line has room. */
function narrow(
  widths: number[],
  columns: readonly { readonly flexible?: boolean }[],
  room: number,
): void {
  const flexible = [...columns.keys()].filter((i) => columns[i]!.flexible)
  const whole = (): number => widths.reduce((sum, width) => sum + width + 2, -2)
  while (whole() > room) {
    const widest = flexible.reduce((a, b) => (widths[b]! > widths[a]! ? b : a), flexible[0] ?? -1)
    if (widest < 0 || widths[widest]! <= NARROWEST) return
    widths[widest]!--
  }
}
