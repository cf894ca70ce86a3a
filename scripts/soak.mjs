// Many cycles from several processes under random faults, for as long as you like: connections are
// cut, scripts flushed, the server and processes freeze, processes are killed and others take their
// place, the server is killed and comes back with all that it has confirmed.
//
//   npm run soak -- [--minutes 10] [--seed n] [--processes 3] [--engine valkey|redis]
//
// Every 10 s a line, at the end a verdict; the exit code is 1 if anything did not hold:
//   - nobody surely held a name while another one did, and tokens rose;
//   - a counter that each holder reads and writes counts every write that was confirmed;
//   - afterwards no key is left but fences, no timer, no listener, and the heap is flat.
// With --sabotage somebody deletes locks that are held, and the verdict has to be that it did not hold.
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { pkg } from './lib/paths.mjs'
import { fail } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'
import { faults } from './soak/faults.mjs'
import { Ledger } from './soak/ledger.mjs'
import { settled } from './soak/left-over.mjs'
import { anySeed, seeded } from './soak/random.mjs'
import { verdict } from './soak/verdict.mjs'
import { Workers } from './soak/workers.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '3' },
    engine: { type: 'string' },
    sabotage: { type: 'boolean' },
  },
})
const minutes = Number(values.minutes)
const processes = Number(values.processes)
const seed = values.seed === undefined ? anySeed() : Number(values.seed)
if (!(minutes > 0) || !(processes >= 1) || !Number.isInteger(seed)) {
  fail('usage: npm run soak -- [--minutes 10] [--seed n] [--processes 3] [--engine valkey|redis]')
}

checkNode()
ensureModules()
buildIfStale()
if (!(await ensureServers())) fail('the soak needs a real server')
const { startServer } = await import(pathToFileURL(join(pkg, 'dist/testing/index.js')).href)
const { Redis } = await import('ioredis')

// So that a restart is an absence and no loss.
const lasting = ['--appendonly', 'yes', '--appendfsync', 'always']
const server = await startServer({ engine: values.engine, args: lasting })
const admin = new Redis(server.url)
admin.on('error', () => {})
const ledger = new Ledger()
const workers = new Workers(server.url, seed, ledger)
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

console.log(
  `${server.engine} ${server.version}, ${processes} processes, ${minutes} min, --seed ${seed}`,
)
await Promise.all(Array.from({ length: processes }, () => workers.start()))
const wrong = faults({ server, admin, workers }, seeded(seed))
const begin = performance.now()
const over = () => workers.died || performance.now() - begin > minutes * 60_000

function line() {
  const outcome = (what) => workers.sum(({ tally }) => tally.counts[what])
  const heap = Math.max(...workers.living.map(({ stats }) => stats?.heap ?? 0)) / 1e6
  const happened = Object.entries(wrong.counts).map(([kind, count]) => `${kind} ${count}`)
  console.log(
    `${String(Math.round((performance.now() - begin) / 1000)).padStart(4)} s  ` +
      `${workers.sum(({ tally }) => tally.total)} cycles, ${outcome('held')} held, ` +
      `${outcome('ERR_LOST')} lost, ${outcome('ERR_UNAVAILABLE')} unavailable | ` +
      `${happened.join(', ')} | heap ${heap.toFixed(1)} MB | ${ledger.violations.length} violations`,
  )
}
async function report() {
  while (!over()) {
    for (let i = 0; i < 100 && !over(); i++) await sleep(100)
    workers.ask()
    // One that stands still answers later.
    await settled(() => workers.living.every(({ asked }) => !asked), 2000)
    line()
  }
}
/** A lock that does not lock: the verdict has to tell it. */
async function sabotage() {
  while (!over()) {
    await admin.del('lock:a', 'lock:b', 'lock:{tag}c').catch(() => {})
    await sleep(20)
  }
}
await Promise.all([wrong.run(over), report(), ...(values.sabotage ? [sabotage()] : [])])

workers.tell('end')
const exits = Promise.all(workers.living.map(({ exit }) => exit))
const late = sleep(60_000, null, { ref: false })
const codes = await Promise.race([exits, late])
const found = await verdict({ admin, workers, ledger, codes })
for (const what of found) console.log(`wrong: ${what}`)
const tenures = `${ledger.tenures} tenures`
console.log(found.length === 0 ? `held: ${tenures}` : `DID NOT HOLD (--seed ${seed}): ${tenures}`)
admin.disconnect()
await server.stop()
process.exit(found.length === 0 ? 0 : 1)
