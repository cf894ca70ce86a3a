// Plays everything above the kernel on servers in memory, in virtual time, while everything goes wrong; and
// judges each history by the invariants of the design.
//
//   npm run simulate -- [--seeds 1000] [--from 1] [--nodes 1] [--only storm] [--trace]
//   npm run simulate -- --breakages [--seeds 2000] [name ...]
//
// The first exits with 1 if anything did not hold, and says how to play that seed again; --trace then prints
// its history. The second plants one mistake after the other in a copy of the source, and says how soon each is
// found; it exits with 1 if one is not.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cache } from './lib/paths.mjs'
import { fail, run } from './lib/run.mjs'
import { checkNode, ensureModules } from './lib/setup.mjs'
import { breakages } from './simulate/breakages.mjs'
import { compile } from './simulate/compile.mjs'

checkNode()
ensureModules()
const args = process.argv.slice(2)
if (!args.includes('--breakages')) {
  process.exit(run(process.execPath, [compile('sound'), ...args]))
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    breakages: { type: 'boolean' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
  },
})
const chosen = breakages.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
)
if (chosen.length === 0) fail(`no breakage is called ${positionals.join(' ')}`)
console.log(
  '| what is broken | scenario | found by | seeds | seconds |\n| --- | --- | --- | ---: | ---: |',
)
let missed = 0
// Two of these may run at once.
const copy = `broken-${process.pid}`
for (const breakage of chosen) {
  const program = compile(copy, breakage)
  const hunt = ['--hunt', '--seeds', values.seeds, '--from', values.from, '--only', breakage.only]
  const nodes = breakage.nodes === undefined ? [] : ['--nodes', String(breakage.nodes)]
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...hunt, ...nodes], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  const { found, seeds, seconds } = outcome(stdout, stderr)
  if (!found) missed++
  const by = found ? `${found.invariant}` : '**not found**'
  console.log(`| ${breakage.name} | ${breakage.only} | ${by} | ${seeds} | ${seconds.toFixed(1)} |`)
}
rmSync(join(cache, 'simulate', copy), { recursive: true, force: true })
console.log(`\n${chosen.length - missed} of ${chosen.length} found`)
process.exit(missed === 0 ? 0 : 1)

function outcome(stdout, stderr) {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1))
  } catch {
    // It broke so much that the program itself ended: that is found too.
    const text = stdout.trim().split('\n').at(-1) || stderr.trim().split('\n').at(-1)
    return { found: { invariant: `the program ended: ${text}` }, seeds: 1, seconds: 0 }
  }
}
