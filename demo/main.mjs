// The demo: processes that contend for a few locks, one of which is killed while it holds one.
//
//   --seconds 12    how long (at least 6)        --embedded   no server: all in this process
//   --processes 4   how many processes           --plain      lines instead of a picture
//   --waiters 4     how many waiters in each
//   --locks 3       how many locks (1 to 8)
//
// Under each lock a counter is read, and written a moment later, which only exclusion makes right.
// To see that the verdict can fail: --sabotage, where nobody locks. It exits with 1 then.
import { parseArgs } from 'node:util'
import { Ledger, processOf } from './ledger.mjs'
import { makeScreen } from './screen.mjs'
import { embeddedStage, realStage } from './stage.mjs'
import { judge } from './verdict.mjs'
import { clock } from './work.mjs'

const NAMES = [
  'invoice:42',
  'stock:apples',
  'nightly-run',
  'user:alice',
  'cache:home',
  'mail:queue',
  'seat:12A',
  'report:may',
]
const TTL_MS = 2000
const TICK_MS = 120

const number = (values, name, least, most) => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= least && value <= most) return value
  console.error(`--${name} wants a whole number from ${least} to ${most}`)
  process.exit(2)
}

function options() {
  const string = (value) => ({ type: 'string', default: String(value) })
  const flag = { type: 'boolean', default: false }
  const known = {
    seconds: string(12),
    processes: string(4),
    waiters: string(4),
    locks: string(3),
    plain: flag,
    embedded: flag,
    sabotage: flag,
  }
  try {
    const { values } = parseArgs({ options: known })
    return {
      seconds: number(values, 'seconds', 6, 3600),
      processes: number(values, 'processes', 2, 8),
      waiters: number(values, 'waiters', 1, 32),
      names: NAMES.slice(0, number(values, 'locks', 1, NAMES.length)),
      ttl: TTL_MS,
      plain: values.plain,
      embedded: values.embedded,
      sabotage: values.sabotage,
    }
  } catch (error) {
    console.error(error.message)
    process.exit(2)
  }
}

const setup = options()
let stage = null
let screen = null
let interrupted = false

async function leave(signal) {
  if (interrupted) return
  interrupted = true
  screen?.end()
  await stage?.close()
  console.log('\n  stopped; no process and no server is left behind\n')
  process.exit(signal === 'SIGINT' ? 130 : 143)
}
process.on('SIGINT', (signal) => void leave(signal))
process.on('SIGTERM', (signal) => void leave(signal))

/** Kills a process at a moment at which it surely holds a lock: it has just said so. */
class Killer {
  victim = null
  who = null
  name = null
  at = 0
  /** The line behind it, as it was first seen after the kill. */
  line = null
  #after
  #dead = false

  constructor(after) {
    this.#after = after
  }

  consider({ type, name, who }) {
    if (type !== 'enter' || this.victim !== null || clock() < this.#after) return
    this.victim = processOf(who)
    this.who = who
    this.name = name
    stage.kill(this.victim)
    this.at = clock()
  }

  /** The end of the one process that was meant to die. */
  expects(process) {
    const first = process === this.victim && !this.#dead
    if (first) this.#dead = true
    return first
  }
}

async function openStage(onReport) {
  if (setup.embedded) return embeddedStage(setup, onReport)
  try {
    return await realStage(setup, onReport)
  } catch (error) {
    if (error.code !== 'ERR_NO_SERVER') throw error
    return embeddedStage(setup, onReport)
  }
}

async function play() {
  let ledger = null
  let killer = null
  stage = await openStage((message) => {
    if (message.type === 'died') {
      const { process: id, at } = message
      const meant = killer?.expects(id)
      // From the kill on it did nothing; of another one we only know that it is gone now.
      ledger?.died(id, meant ? killer.at : at)
      if (!meant) ledger?.troubles.push(`process ${id} ended unexpectedly`)
      return
    }
    ledger?.take(message)
    if (stage.kill) killer?.consider(message)
  })
  ledger = new Ledger(setup.names, stage.alone)
  screen = makeScreen(setup, stage)

  const calls = await stage.calls?.()
  const start = clock()
  const length = setup.seconds * 1e9
  killer = new Killer(start + length / 2)
  stage.go()
  let looks = 0
  for (let next = start; !interrupted;) {
    const elapsed = clock() - start
    if (elapsed >= length) break
    const [states, counters] = await Promise.all([stage.inspect(), stage.counters()])
    looks++
    if (killer.victim !== null) {
      killer.line ??= states.find(({ name }) => name === killer.name).waiters.map((w) => w.label)
    }
    screen.show({ states, counters, elapsed: elapsed / 1e9, ledger, killer })
    next = Math.max(next + TICK_MS * 1e6, clock() + 1e7)
    await new Promise((resolve) => setTimeout(resolve, (next - clock()) / 1e6))
  }
  await stage.stop()
  const made = stage.calls && (await stage.calls()) - calls - looks
  const verdict = judge({ setup, stage, ledger, killer, counters: await stage.counters(), made })
  if (interrupted) return
  screen.end()
  for (const line of verdict.lines) screen.print(line)
  await stage.close()
  process.exitCode = verdict.held ? 0 : 1
}

try {
  await play()
} catch (error) {
  // Whatever failed because of Ctrl-C is no news.
  if (!interrupted) {
    screen?.end()
    console.error(error)
    await stage?.close()
    process.exit(1)
  }
}
