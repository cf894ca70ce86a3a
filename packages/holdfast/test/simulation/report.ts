import type { Case } from './cases.js'
import type { Outcome } from './run.js'

/** What a hunt for a violation found, if it did. */
export interface Hunted {
  readonly seeds: number
  readonly seconds: number
  readonly found: {
    readonly invariant: string
    readonly text: string
    readonly command: string
  } | null
}

interface Row {
  runs: number
  acquisitions: number
  contended: number
  faults: number
  violations: number
}

const empty = (): Row => ({ runs: 0, acquisitions: 0, contended: 0, faults: 0, violations: 0 })
const number = (value: number): string => Math.round(value).toLocaleString('en')

/** Adds up what happened in many runs. */
export class Report {
  failed = 0
  #seeds = 0
  #virtual = 0
  readonly #began: number
  readonly #rows = new Map<string, Row>()
  readonly #tallies = new Map<string, number>()
  readonly #commands: string[] = []
  #found: Hunted['found'] = null

  /** @param began real ms. */
  constructor(began: number) {
    this.#began = began
  }

  add({ nodes, scenario, command }: Case, { violations, counts, tallies, virtual }: Outcome): void {
    this.#seeds++
    this.#virtual += virtual
    for (const [what, count] of tallies) {
      this.#tallies.set(what, (this.#tallies.get(what) ?? 0) + count)
    }
    const key = `${scenario.name}, ${nodes}`
    const row = this.#rows.get(key) ?? empty()
    this.#rows.set(key, row)
    row.runs++
    row.acquisitions += tallies.get('acquisitions') ?? 0
    row.contended += counts.contended
    for (const [what, count] of tallies) if (isFault(what)) row.faults += count
    row.violations += violations.length
    const [first] = violations
    if (!first) return
    this.failed++
    this.#commands.push(command)
    this.#found ??= { invariant: first.invariant, text: first.text, command }
  }

  static violationsOf({ command }: Case, { violations }: Outcome): string[] {
    if (violations.length === 0) return []
    const most = 5
    const told = violations.slice(0, most).map(({ invariant, text }) => `  ${invariant}: ${text}`)
    const more = violations.length > most ? [`  and ${violations.length - most} more`] : []
    return ['', `${violations.length} violations; to play it again: ${command}`, ...told, ...more]
  }

  #sum(pick: (row: Row) => number): number {
    return [...this.#rows.values()].reduce((sum, row) => sum + pick(row), 0)
  }

  line(now: number): string {
    const seconds = (now - this.#began) / 1000
    const acquisitions = number(this.#sum((row) => row.acquisitions))
    const violations = this.#sum((row) => row.violations)
    return `${seconds.toFixed(0).padStart(5)} s  ${number(this.#seeds)} seeds, ${acquisitions} acquisitions, ${violations} violations`
  }

  hunted(now: number): Hunted {
    return { seeds: this.#seeds, seconds: (now - this.#began) / 1000, found: this.#found }
  }

  summary(now: number): string[] {
    const seconds = (now - this.#began) / 1000
    const head = ['scenario, nodes', 'runs', 'acquisitions', 'had waited', 'faults', 'violations']
    const rows = [...this.#rows].toSorted(([a], [b]) => a.localeCompare(b))
    const cells = rows.map(([name, row]) => [name, ...Object.values(row).map(number)])
    const total = ['all', ...Object.values(this.#total()).map(number)]
    const others = [...this.#tallies].toSorted(([a], [b]) => a.localeCompare(b))
    const list = (of: (what: string) => boolean): string =>
      others
        .filter(([what]) => of(what))
        .map(([what, count]) => `${what.replace('fault: ', '')} ${number(count)}`)
        .join(', ')
    const hours = (this.#virtual / 3_600_000).toFixed(1)
    return [
      '',
      ...table([head, ...cells, total]),
      '',
      `faults: ${list((what) => what.startsWith('fault: '))}`,
      `messages: ${list(isMessage)}`,
      `calls: ${list((what) => !isFault(what))}`,
      '',
      `${number(this.#seeds)} seeds, ${hours} h of virtual time in ${seconds.toFixed(1)} s (${number((this.#seeds / seconds) * 60)} seeds a minute)`,
      ...this.#commands.map((command) => `failed: ${command}`),
      `${this.#sum((row) => row.violations)} violations in ${this.failed} of ${number(this.#seeds)} seeds`,
    ]
  }

  #total(): Row {
    const total = empty()
    for (const row of this.#rows.values()) {
      for (const key of Object.keys(total) as (keyof Row)[]) total[key] += row[key]
    }
    return total
  }
}

const isMessage = (what: string): boolean => /^(request|reply|push|cut off)( |$)/.test(what)
const isFault = (what: string): boolean => what.startsWith('fault: ') || isMessage(what)

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  '),
  )
}
