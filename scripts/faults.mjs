// Many cycles of all kinds of lock, from several processes, on real servers, under random faults of
// servers, network and processes, for as long as you like. Everything that happens is written down, and
// judged in the end by what docs/guarantees.md promises.
//
//   npm run faults -- [--minutes 10] [--servers 1|3|5|sentinel|cluster] [--only <fault>]
//                     [--seed n] [--processes 3] [--engine valkey|redis] [--sabotage]
//
// Each second a line, at the end a table; the exit code is 1 if anything did not hold, or if a kind of
// fault did not hit anybody. With --sabotage somebody deletes locks that are held: it must not hold.
import { parseArgs } from 'node:util'
import { ownNetwork } from './faults/namespace.mjs'
import { anySeed } from './faults/random.mjs'
import { fail } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    servers: { type: 'string', default: '1' },
    only: { type: 'string' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '3' },
    engine: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
  },
})
const numbers = {
  minutes: Number(values.minutes),
  processes: Number(values.processes),
  seed: values.seed === undefined ? anySeed() : Number(values.seed),
}
const { minutes, processes, seed } = numbers
const kinds = ['1', '3', '5', 'sentinel', 'cluster']
const known = kinds.includes(values.servers)
if (!(minutes > 0 && known && processes >= 1 && Number.isInteger(seed))) {
  fail(
    `npm run faults -- [--minutes 10] [--servers ${kinds.join('|')}] [--only <fault>] [--seed n]`,
  )
}

checkNode()
ensureModules()
buildIfStale()
if (!(await ensureServers())) fail('faults on real servers need real servers')
const noNetwork = ownNetwork()
if (noNetwork !== null && Number(values.servers)) console.log(`partition: skipped, ${noNetwork}`)
// Not before, because it needs what may have had to be installed and built first.
const { runFaults } = await import('./faults/run.mjs')
await runFaults({ ...values, ...numbers, noNetwork })
