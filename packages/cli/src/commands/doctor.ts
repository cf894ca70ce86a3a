import type { Command } from 'commander'
import type { Duration, Finding, Severity } from 'holdfast'
import { connect } from '../connect.js'
import { Silent } from '../exit.js'
import { duration, sharedOptions, whole, type SharedOptions } from '../options.js'
import { outputOf, type Output } from '../output.js'
import { inOurWords } from '../said.js'
import { plain } from '../text.js'

interface Options extends SharedOptions {
  readonly over: Duration
  readonly timeout?: Duration
  readonly name?: string
  readonly replicas: number
}

const MOST_REPLICAS = 1000

export function define(command: Command): void {
  sharedOptions(
    command
      .description(
        'Measures all that a lock depends on (round trips, clocks, memory, persistence, replicas, rights, settings) and ' +
          'says what to do. Takes a lock of its own for a moment. Exits with 2 if there are errors, else with 1 if ' +
          'there are warnings, else with 0.',
      )
      .option('--over <duration>', 'for how long to measure clocks and round trips', duration, '1s')
      .option('--timeout <duration>', 'time limit of each command (default: 500ms)', duration)
      .option(
        '--name <name>',
        'a lock that nobody else uses, where the rights are for certain names',
      )
      .option('--replicas <n>', 'the programs have replicas: n', whole(0, MOST_REPLICAS), 0),
  ).action(doctor)
}

async function doctor(options: Options): Promise<void> {
  const output = outputOf(options)
  const { over, timeout, name, replicas } = options
  await using connection = await connect(options, { replicas })
  const findings = await connection.locks.doctor({ over, timeout, name })
  if (output.json) for (const finding of findings) output.one(finding, () => '')
  // What is given of a Cluster are not its servers.
  else output.one({}, () => textOf(findings, options.cluster ? [] : connection.servers, output))
  const worst = SEVERITIES.find((one) => findings.some(({ severity }) => severity === one))!
  const code = CODES[worst]
  if (code > 0) throw new Silent(code)
}

/** The worst first. */
const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note', 'ok']
const CODES: Readonly<Record<Severity, number>> = { error: 2, warning: 1, note: 0, ok: 0 }
const STYLES = { error: 'red', warning: 'yellow', note: 'cyan', ok: 'green' } as const
const WIDTH = 18

function textOf(findings: readonly Finding[], servers: readonly string[], output: Output): string {
  const lines: string[] = []
  let at: number | null | undefined
  for (const { id, severity, server, measured, advice } of findings) {
    if (server !== at) {
      const head = server === null ? 'all' : (servers[server] ?? `server ${server}`)
      // Of one server there is nothing to tell apart.
      if (servers.length > 1 || server !== null) lines.push(output.paint('bold', plain(head)))
      at = server
    }
    const word = output.paint(STYLES[severity], severity.padEnd(7))
    lines.push(`${word}  ${id.padEnd(WIDTH)}${plain(inOurWords(measured))}`)
    if (advice !== null) lines.push(`${' '.repeat(9 + WIDTH)}→ ${inOurWords(advice)}`)
  }
  const count = SEVERITIES.slice(0, 3).flatMap((one) => {
    const { length } = findings.filter(({ severity }) => severity === one)
    return length > 0 ? [`${length} ${one}${length === 1 ? '' : 's'}`] : []
  })
  return [...lines, count.length > 0 ? count.join(', ') : 'all is well'].join('\n')
}
