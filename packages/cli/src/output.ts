import { styleText } from 'node:util'
import { writeLine } from './reason.js'
import type { OutputOptions } from './options.js'

const STDOUT = 1

/** One column of a table: what stands over it, and what it shows of a row. */
interface Column<Row> {
  readonly head: string
  readonly of: (row: Row) => string | number | null | undefined
  /** For numbers. */
  readonly right?: boolean
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
  /** The text with a style, if there are colours. */
  paint(style: Style, text: string): string
}

export function outputOf(options: OutputOptions): Output {
  const json = options.json ?? false
  const { NO_COLOR = '', TERM } = process.env
  const color = options.color && NO_COLOR === '' && TERM !== 'dumb' && process.stdout.isTTY === true
  const paint = (style: Style, text: string): string => (color ? styleText(style, text) : text)
  return {
    json,
    color,
    paint,
    one: (row, text) => writeLine(STDOUT, json ? JSON.stringify(row) : text(row)),
    table: (rows, columns) => {
      if (json) for (const row of rows) writeLine(STDOUT, JSON.stringify(row))
      else for (const line of linesOf(rows, columns, paint)) writeLine(STDOUT, line)
    },
  }
}

function linesOf<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  paint: Output['paint'],
): string[] {
  const cells = rows.map((row) => columns.map(({ of }) => printable(of(row))))
  const widths = columns.map(({ head }, i) =>
    Math.max(head.length, ...cells.map((cell) => cell[i]!.length)),
  )
  const line = (cell: readonly string[]): string =>
    columns
      .map(({ right }, i) => (right ? cell[i]!.padStart(widths[i]!) : cell[i]!.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  const head = paint('bold', line(columns.map((column) => column.head)))
  return [head, ...cells.map(line)]
}

/** What others chose as a name or label must not steer a terminal. */
function printable(value: string | number | null | undefined): string {
  const text = value === null || value === undefined ? '-' : String(value)
  return text.replace(
    /\p{C}/gu,
    (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}
