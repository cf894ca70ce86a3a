// Many cycles from several processes under random faults, for as long as you like.
//
//   npm run soak -- [--minutes 10] [--seed n] [--processes 3] [--engine valkey|redis]
//
// Every 10 s a line, at the end a verdict; the exit code is 1 if anything did not hold:
//   - nobody surely held a name while another one did, and tokens rose;
//   - a counter that each holder reads and writes counts every write that was confirmed;
//   - afterwards no key is left but fences, no timer, no listener, and the heap is flat.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
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

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '3' },
    engine: { type: 'string' },
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

const server = await startServer({ engine: values.engine })
const admin = new Redis(server.url)
admin.on('error', () => {})
const ledger = new Ledger()
const path = fileURLToPath(new URL('soak/worker.mjs', import.meta.url))
const workers = Array.from({ length: processes }, (_, i) => {
  const kind = i % 2 === 0 ? 'ioredis' : 'redis'
  const args = [server.url, String(seed * 10 + i), kind]
  const child = fork(path, args, { execArgv: ['--expose-gc'] })
  const worker = {
    child,
    kind,
    exit: once(child, 'exit'),
    stats: null,
    asked: false,
    end: null,
    heaps: [],
  }
  child.on('message', ({ tenure, stats, end }) => {
    if (tenure) ledger.add(tenure)
    if (stats) {
      worker.stats = stats
      worker.asked = false
      worker.heaps.push(stats.heap)
    }
    if (end) worker.end = end
  })
  return worker
})
// Else a worker that is stopped at this moment would outlive us.
process.on('exit', () => workers.forEach(({ child }) => child.kill('SIGKILL')))
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

console.log(
  `${server.engine} ${server.version}, ${processes} processes, ${minutes} min, --seed ${seed}`,
)
const wrong = faults({ server, admin, workers: workers.map(({ child }) => child) }, seeded(seed))
const begin = performance.now()
const over = () => performance.now() - begin > minutes * 60_000
// A worker that ended early has failed, and there is no use in going on without it.
let died = false
for (const worker of workers) void worker.exit.then(() => (died ||= worker.end === null))

function line() {
  const sum = (of) => workers.reduce((all, { stats }) => all + (stats ? of(stats) : 0), 0)
  const outcome = (what) => sum(({ tally }) => tally.counts[what])
  const heap = Math.max(...workers.map(({ stats }) => stats?.heap ?? 0)) / 1e6
  const happened = Object.entries(wrong.counts).map(([kind, count]) => `${kind} ${count}`)
  console.log(
    `${String(Math.round((performance.now() - begin) / 1000)).padStart(4)} s  ` +
      `${sum(({ tally }) => tally.total)} cycles, ${outcome('held')} held, ` +
      `${outcome('ERR_LOST')} lost, ${outcome('ERR_UNAVAILABLE')} unavailable | ` +
      `${happened.join(', ')} | heap ${heap.toFixed(1)} MB | ${ledger.violations.length} violations`,
  )
}
async function report() {
  while (!over() && !died) {
    for (let i = 0; i < 100 && !over() && !died; i++) await sleep(100)
    for (const worker of workers) {
      worker.asked = true
      if (worker.child.connected) worker.child.send('stats')
    }
    // One that stands still answers later.
    await settled(() => workers.every(({ asked }) => !asked), 2000)
    line()
  }
}
await Promise.all([wrong.run(() => over() || died), report()])

for (const { child } of workers) if (child.connected) child.send('end')
const exits = Promise.all(workers.map(({ exit }) => exit))
const late = sleep(60_000, null, { ref: false })
const codes = await Promise.race([exits, late])
const found = await verdict({ admin, workers, ledger, codes })
for (const what of found) console.log(`wrong: ${what}`)
const tenures = `${ledger.tenures} tenures`
console.log(found.length === 0 ? `held: ${tenures}` : `DID NOT HOLD (--seed ${seed}): ${tenures}`)
admin.disconnect()
await server.stop()
process.exit(found.length === 0 ? 0 : 1)
