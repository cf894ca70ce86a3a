// Measures Holdfast, other libraries and yardsticks, and writes the results page.
//
//   npm run bench -- [--quick] [--only serial,handover-16] [--subjects holdfast,relay] [--engine redis|valkey]
//                    [--write] [--draw] [--list]
//
// A full run writes docs/benchmarks; a quick one, or one of some scenarios or subjects, writes .cache/bench,
// with --write docs/benchmarks too. --draw draws the page again from the results that are there. It exits with
// 1 if two ever held a lock at one time, and else with 0, whatever the figures are.
import { parseArgs } from 'node:util'
import { Bench } from './lib/bench.mjs'
import { machine } from './lib/machine.mjs'
import { plans } from './lib/plan.mjs'
import { folders, load, store } from './lib/store.mjs'
import { draw } from './page/draw.mjs'
import { summary } from './page/console.mjs'
import { scenarios } from './scenarios/index.mjs'
import { about, subjects } from './subjects/index.mjs'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    subjects: { type: 'string' },
    engine: { type: 'string' },
    write: { type: 'boolean', default: false },
    draw: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})

const whole = !values.quick && values.only === undefined && values.subjects === undefined
const folder = whole || values.write || values.draw ? folders.docs : folders.scratch

if (values.list) {
  for (const { id, title } of scenarios) console.log(`${id.padEnd(20)} ${title}`)
  console.log()
  for (const { id, title } of subjects) console.log(`${id.padEnd(28)} ${title}`)
} else if (values.draw) {
  draw(load(folder), folder)
} else {
  process.exitCode = await measure()
}

/** Chosen by their ids, or by how these begin: `handover` is all of them. */
function chosen(list, words) {
  if (words === undefined) return list
  const wanted = words.split(',').map((word) => word.trim())
  const lost = wanted.filter((word) => !list.some(({ id }) => id.startsWith(word)))
  if (lost.length > 0) {
    console.error(`nothing is called ${lost.join(', ')}; npm run bench -- --list`)
    process.exit(2)
  }
  return list.filter(({ id }) => wanted.some((word) => id === word || id.startsWith(`${word}-`)))
}

async function measure() {
  const plan = values.quick ? plans.quick : plans.full
  const picked = chosen(scenarios, values.only).filter((one) => one.only?.(plan) ?? true)
  const only = values.subjects?.split(',').map((word) => word.trim())
  const bench = new Bench(plan, { engine: values.engine, subjects: only })
  const results = {
    version: 1,
    plan: plan.name,
    whole: values.only === undefined && only === undefined,
    subjects: subjects.map(about),
    scenarios: {},
  }
  // Ctrl-C ends the servers and workers as well.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
  try {
    const { server } = await bench.single()
    results.machine = machine(server)
    console.log(`${results.machine.server}, node ${results.machine.node}, ${plan.name}`)
    let weights = picked.reduce((sum, { weight }) => sum + weight, 0)
    for (const scenario of picked) {
      console.log(`\n${scenario.title} (${scenario.id})`)
      bench.allow(scenario.weight / weights)
      weights -= scenario.weight
      const notes = bench.notes.length
      const began = performance.now()
      const { run, only: _, ...rest } = scenario
      const part = { ...rest, rows: [], notes: [] }
      try {
        part.rows = await run(bench)
      } catch (error) {
        bench.note(`it could not be measured: ${error.stack}`)
      }
      part.notes = bench.notes.slice(notes)
      part.seconds = (performance.now() - began) / 1000
      results.scenarios[scenario.id] = part
      summary(part)
    }
  } finally {
    await bench.stop()
  }
  results.seconds = (performance.now() - bench.started) / 1000
  results.violations = bench.violations
  store(folder, results)
  draw(results, folder)
  console.log(
    `\n${Math.round(results.seconds)} s; ${bench.violations} violations of mutual exclusion`,
  )
  return bench.violations === 0 ? 0 : 1
}
