// A run: starts everything, has things go wrong, ends everything, and judges.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../lib/run.mjs'
import { countHits, judge } from './judge.mjs'
import { leftBehind } from './left.mjs'
import { settled } from './left-over.mjs'
import { faultsOf, Plan } from './plan.mjs'
import { Recorder } from './recorder.mjs'
import { Register } from './register.mjs'
import { kindOf, startServers } from './setups.mjs'
import { lineOf, sumOf, tableOf } from './table.mjs'
import { Workers } from './workers.mjs'

// More than usual for such a lease: there are more processes here than processors.
const NODE_TIMEOUT_MS = 250
const QUARANTINE_MS = 2500
const TASKS = 4
/** How long every other Holdfast keeps a mutex for its next call. */
const LINGER_MS = 200
/** For what ends by itself. */
const END_MS = 90_000

/** What is short of a run in which everything was tried gets so much more time, so many times. */
const [MORE_MS, ROUNDS] = [8000, 5]

/** One run, from the first server to the verdict. */
class Run {
  constructor(options) {
    this.options = options
    const { minutes, servers, seed, only, sabotage, engine } = options
    const more = [
      only && `--only '${only}'`,
      engine && `--engine ${engine}`,
      sabotage && '--sabotage',
    ]
    const words = [
      'npm run faults --',
      `--minutes ${minutes} --servers ${servers} --seed ${seed}`,
      ...more,
    ]
    this.again = words.filter(Boolean).join(' ')
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
    this.recorder = new Recorder(this.folder, 'main')
  }

  async start() {
    const { folder, recorder } = this
    const { engine, noNetwork, seed, sabotage, only, processes } = this.options
    this.register = await Register.start(new Recorder(folder, 'register'))
    const network = noNetwork === null
    this.servers = await startServers(this.options.servers, { engine, network })
    const { servers, register } = this
    const nodeTimeout = NODE_TIMEOUT_MS
    const holdfast = servers.quorum ? { nodeTimeout, quarantine: QUARANTINE_MS } : { nodeTimeout }
    const setting = {
      folder,
      seed,
      tasks: TASKS,
      registerPort: register.port,
      holdfast,
      ttl: servers.ttl,
      linger: servers.kind === 'quorum' ? 0 : LINGER_MS,
      longOne: servers.longOne,
    }
    this.workers = new Workers(setting, servers, recorder)
    const { workers } = this
    const { ttl } = servers
    const given = { servers, workers, recorder, noNetwork, ttl, quarantine: QUARANTINE_MS }
    // Alone, so that it is no other fault that the verdict tells.
    this.plan = new Plan(given, sabotage ? 'sabotage' : only)
    console.log(`${servers.says}; ${processes} processes; ${this.again}`)
    if (servers.quorum) await servers.bootstrap(holdfast)
    await Promise.all(Array.from({ length: processes }, (_, place) => workers.start(place)))
    if (network) servers.reservePorts()
  }

  line() {
    const seconds = Math.round((performance.now() - this.begin) / 1000)
    console.log(lineOf(this, seconds))
  }

  /** All faults, for as long as was asked for, and longer if one of them has not hit anybody yet. */
  async faults() {
    const { workers, plan, folder } = this
    const { minutes, seed, sabotage } = this.options
    this.begin = performance.now()
    let due = this.begin + minutes * 60_000
    let done = false
    const ended = () => workers.died || performance.now() > due
    const play = async () => {
      await plan.run(seed, ended)
      while (!ended()) await sleep(100)
      for (let i = 1; i <= ROUNDS && !workers.died; i++) {
        countHits(folder, plan.done)
        const missed = plan.kinds.filter((kind) => plan.of(kind).every(({ hits }) => hits === 0))
        if (missed.length === 0) break
        console.log(`once more, because they have not hit anybody yet: ${missed.join(', ')}`)
        due = performance.now() + MORE_MS
        await plan.run(seed + 1000 * i, ended, (kind) => missed.includes(kind))
      }
      done = true
    }
    const report = async () => {
      while (!done) {
        await sleep(1000)
        // One that stands still answers later.
        if (workers.living.every(({ asked }) => !asked)) workers.askStats()
        this.line()
      }
    }
    /** A lock that does not lock: the verdict has to tell it. */
    const sabotageAll = async () => {
      while (!done) {
        const names = ['lock:a', 'lock:b', 'lock:rw']
        for (const { admin } of this.servers.nodes) {
          for (const name of names) await admin.del(name).catch(() => {})
        }
        await sleep(20)
      }
    }
    await Promise.all([play(), report(), ...(sabotage ? [sabotageAll()] : [])])
  }

  /** Everything ends, in its order; what should have ended and has not is written down. */
  async end() {
    const { workers, servers, recorder } = this
    // Whoever was to wait for a node in quarantine has waited then.
    if (servers.quorum) await sleep(QUARANTINE_MS)
    workers.tell('finish')
    await settled(() => workers.living.every(({ finished, ended }) => finished || ended), END_MS)
    recorder.write({ kind: 'healed' })
    workers.tell('end')
    const exits = Promise.all(workers.living.map(({ exit }) => exit))
    const codes = await Promise.race([exits, sleep(END_MS, null, { ref: false })])
    this.line()
    for (const what of await leftBehind({ servers, workers, codes })) {
      recorder.write({ kind: 'left', ...what })
    }
    await servers.stop()
    this.register.close()
  }

  /** @returns {boolean} whether everything held */
  verdict() {
    const { folder, plan, servers, register } = this
    const found = judge(folder, servers.quorum)
    countHits(folder, plan.done)
    const wrong = found.violations.map(({ invariant, text }) => `${invariant}: ${text}`)
    if (register.sum('fenced', 'missed') > 0) wrong.push('a counter that was fenced missed a write')
    if (found.tenures === 0) wrong.push('nothing was acquired')
    if (found.handed === 0 && !servers.quorum) wrong.push('nothing was handed over')
    for (const kind of plan.kinds) {
      const all = plan.of(kind)
      const missed = all.every(({ hits }) => hits === 0)
      if (missed) wrong.push(`${kind} did not hit anybody, in ${all.length} times`)
    }
    console.log(`\n${tableOf(this)}\n\n${sumOf(this, found)}`)
    for (const what of wrong.slice(0, 20)) console.log(`wrong: ${what}`)
    if (wrong.length === 0) rmSync(folder, { recursive: true })
    else console.log(`DID NOT HOLD: ${wrong.length} in all. The history: ${folder}\n${this.again}`)
    return wrong.length === 0
  }
}

/**
 * Ends the process with the verdict.
 *
 * @param {object} options see scripts/faults.mjs
 */
export async function runFaults(options) {
  const { only, servers } = options
  const faults = faultsOf(kindOf(servers))
  if (only !== undefined && !faults.includes(only)) fail(`the faults: ${faults.join(', ')}`)
  // So that what was started ends too: see guard.ts and workers.mjs.
  process.on('SIGINT', () => process.exit(130))
  process.on('SIGTERM', () => process.exit(143))
  const run = new Run(options)
  await run.start()
  await run.faults()
  await run.end()
  process.exit(run.verdict() ? 0 : 1)
}
