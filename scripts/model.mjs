// Plays docs/model with Spin: every variant that has to hold, and every deliberate breakage, which has to be found.
//
//   npm run model -- [--quick] [--only text] [--limit seconds]
//
// Needs spin and a C compiler (Debian: apt-get install spin gcc), and 6 GB of memory for the whole. Prints a table; the exit code
// is 1 if a variant is not as expected.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './lib/paths.mjs'
import { fail } from './lib/run.mjs'
import { breakages, variants } from './model/variants.mjs'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    limit: { type: 'string', default: '900' },
  },
})
for (const program of ['spin', 'gcc']) {
  if (spawnSync(program, ['--version']).error) {
    fail(`${program} is missing (Debian: apt-get install spin gcc)`)
  }
}

// cycles: no execution in which every process has its turns goes on for ever without an end (Spin's weak
// fairness); otherwise all reachable states: assertions and, of waiting, deadlocks.
const checks = {
  states: { compile: ['-DSAFETY', '-DCOLLAPSE'], run: [] },
  cycles: { compile: ['-DNP', '-DCOLLAPSE', '-DNFAIR=3'], run: ['-l', '-f'] },
}

function play({ model, flags, check }) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-model-'))
  const { compile, run } = checks[check]
  const at = { cwd: folder, encoding: 'utf8' }
  try {
    const source = join(root, 'docs', 'model', `${model}.pml`)
    const spin = spawnSync('spin', ['-a', ...flags, source], at)
    if (spin.status !== 0) fail(`spin ${flags.join(' ')}: ${spin.stdout}${spin.stderr}`)
    // To optimise takes longer than a short search.
    const options = [
      values.quick ? '-O0' : '-O2',
      '-w',
      '-DMEMLIM=5500',
      ...compile,
      '-o',
      'pan',
      'pan.c',
    ]
    const gcc = spawnSync('gcc', options, at)
    if (gcc.status !== 0) fail(`gcc: ${gcc.stderr}`)
    // A record of ballots.pml may always lapse: its end states mean nothing.
    const ends = model === 'ballots' ? ['-E'] : []
    const since = performance.now()
    const pan = spawnSync(join(folder, 'pan'), [...ends, ...run, '-m1000000', '-w24'], {
      ...at,
      timeout: Number(values.limit) * 1000,
    })
    const text = pan.stdout ?? ''
    const found = /pan:1: (.*?)(?: \(at depth (\d+)\))?$/mu.exec(text)
    const full = /errors: 0$/mu.test(text) && !/not completed|too small/u.test(text)
    return {
      result: found ? kind(found[1]) : full ? 'holds' : 'unfinished',
      states: /(\d+) states, stored/u.exec(text)?.[1] ?? '?',
      depth: found?.[2] ?? /depth reached (\d+)/u.exec(text)?.[1] ?? '?',
      seconds: ((performance.now() - since) / 1000).toFixed(1),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Which property an error of Spin is about. */
function kind(error) {
  if (error.includes('used')) return 'T1'
  if (error.includes('rfloor')) return 'T4'
  if (error.includes('floor_')) return 'T2'
  if (error.includes('over[')) return 'ghost'
  if (error.includes('assertion')) return 'exclusion'
  if (error.includes('invalid end state')) return 'deadlock'
  return error.includes('non-progress') ? 'livelock' : error
}

const chosen = [...variants, ...breakages].filter(
  (v) => (!values.quick || v.quick) && (!values.only || v.name.includes(values.only)),
)
console.log(
  '| variant | flags | expected | result | states | depth | s |\n| --- | --- | --- | --- | --- | --- | --- |',
)
let wrong = 0
for (const v of chosen) {
  const { result, states, depth, seconds } = play(v)
  const fine = v.holds ? result === 'holds' : result !== 'holds' && result !== 'unfinished'
  if (!fine) wrong += 1
  const flags = `${v.model} ${v.flags.map((f) => f.slice(2)).join(' ')}`
  console.log(
    `| ${v.name} | ${flags} | ${v.holds ? 'holds' : 'found'} | ${fine ? '' : 'WRONG: '}${result} | ${states} | ${depth} | ${seconds} |`,
  )
}
console.log(`\n${chosen.length - wrong} of ${chosen.length} as expected`)
process.exit(wrong === 0 ? 0 : 1)
