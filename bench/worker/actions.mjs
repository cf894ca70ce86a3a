// What a worker can be told to do. Times are ms of the machine's clock.
import { subjectOf } from '../subjects/index.mjs'
import { now } from '../lib/clock.mjs'
import { countWire, endCount } from '../lib/wire.mjs'
import { contend } from './contend.mjs'
import { cycles } from './cycles.mjs'
import { hold, letGo, memory } from './hold.mjs'
import { pair, pairArrived, pairSend, pairStand } from './pair.mjs'
import { loopDelay, open as openQueue, queueUp, served, watchLoop } from './queue.mjs'
import { scripts } from './scripts.mjs'
import { calm, storm } from './storm.mjs'

const WARM_UP_MS = 20

/** The subject that is open. */
let subject = null

export const actions = {
  async open({ id, ...options }) {
    await actions.close()
    subject = await subjectOf(id).open(options)
  },
  async close() {
    const open = subject
    subject = null
    await open?.close()
  },
  countWire,
  endCount,
  cpu: () => process.cpuUsage(),
  cycles: (args) => measured(() => cycles(subject, args)),
  contend: (args) => measured(() => contend(subject, args)),
  /** Two who want a name of this process alone: afterwards it is connected, and hears what waiters are told. */
  warmUp: ({ name }) =>
    contend(subject, { name: `${name}:${process.pid}`, waiters: 2, until: now() + WARM_UP_MS }),
  hold: (args) => hold(subject, args),
  letGo: () => letGo(subject),
  memory,
  queueUp: (args) => queueUp(subject, args),
  openQueue,
  served,
  watchLoop,
  loopDelay,
  pair: (args) => pair(subject, args),
  pairStand,
  pairSend,
  pairArrived,
  storm: (args) => storm(subject, args),
  calm,
  scripts,
}

/** With the time that it took of this process's CPU. */
async function measured(work) {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return { ...result, cpuUs: user + system }
}
