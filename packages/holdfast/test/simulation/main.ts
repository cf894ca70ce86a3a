// Plays seeds until there are no more, and says what happened. `scripts/simulate.mjs` compiles and starts it.
import { parseArgs } from 'node:util'
import { play, type Outcome } from './run.js'
import { casesOf, type Case } from './cases.js'
import { Report } from './report.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    nodes: { type: 'string' },
    only: { type: 'string' },
    /** Prints the history of the last seed. */
    trace: { type: 'boolean', default: false },
    /** Ends at the first violation, and says it as JSON. */
    hunt: { type: 'boolean', default: false },
  },
})
// Errors by the thousand, of which nobody reads where they were made.
if (!values.trace) Error.stackTraceLimit = 0

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const [first, count] = [Number(values.from), Number(values.seeds)]
const nodes = values.nodes === undefined ? undefined : Number(values.nodes)
const report = new Report(performance.now())
let told = performance.now()
let last: Outcome | null = null
let playing: Case | null = null
process.on('unhandledRejection', (error) => {
  say(`a rejection that nobody handled, in ${playing?.command}: ${String(error)}`)
  process.exit(1)
})

// Enough: the figures of what was played until then.
let enough = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    enough = true
  })
}

for (let seed = first; seed < first + count && !enough; seed++) {
  playing = casesOf(seed, nodes, values.only)
  last = await play(playing)
  report.add(playing, last)
  if (values.hunt && last.violations.length > 0) break
  if (values.hunt) continue
  for (const line of Report.violationsOf(playing, last)) say(line)
  if (performance.now() - told < 10_000) continue
  told = performance.now()
  say(report.line(told))
}
if (values.trace) for (const event of last?.events ?? []) say(JSON.stringify(event))
if (values.hunt) say(JSON.stringify(report.hunted(performance.now())))
else for (const line of report.summary(performance.now())) say(line)
process.exit(report.failed === 0 ? 0 : 1)
