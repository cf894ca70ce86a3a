// One process of a run under faults: cycles on several Holdfasts until it is told to end. What it does,
// believes and is told goes into a file of its own. It ends by itself, when its parent lets go of it:
// nothing here calls process.exit but a broken run.
//
//   node --expose-gc worker.mjs <setting as JSON>
import { subscribe } from 'node:diagnostics_channel'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { beliefIn, Calls, holding, locksOf } from './calls.mjs'
import { connect } from './connect.mjs'
import { cycle, KINDS, kindsOf, NAMES, Tally } from './cycles.mjs'
import { leftOver, settled } from './left-over.mjs'
import { seeded } from './random.mjs'
import { Recorder } from './recorder.mjs'
import { openRegister } from './register.mjs'

/**
 * @typedef {object} Setting
 * @property {string} folder of the records
 * @property {string} who it is: the name of its file
 * @property {number} seed
 * @property {number} tasks of each Holdfast
 * @property {number} registerPort
 * @property {object} holdfast options
 * @property {number} ttl
 * @property {number} linger of some, ms
 * @property {number} longOne one of so many holders holds for longer than that
 * @property {HoldfastSetting[]} holdfasts
 *
 * @typedef {object} HoldfastSetting
 * @property {string} client that it is in the record
 * @property {string[]} kinds of client library, one for each URL
 * @property {(string | object)[]} urls see connect.mjs
 * @property {string} [space] before its names in the record, if it shares them with some only
 * @property {object} [holdfast] more options
 */

/** @type {Setting} */
const setting = JSON.parse(process.argv[2])
const { linger, ttl, longOne } = setting
const recorder = new Recorder(setting.folder, setting.who)
const counts = { granted: 0, pushed: 0, local: 0, lost: 0 }

// What happens to a lock after its grant, whoever holds it.
subscribe('holdfast:renewed', ({ owner }) => {
  const lock = holding.get(owner)
  if (lock) recorder.write({ ...beliefIn(lock), kind: 'held', owner })
})
subscribe('holdfast:lost', ({ owner, reason }) => {
  counts.lost++
  holding.delete(owner)
  recorder.write({ kind: 'ended', owner, how: 'lost', reason })
})
subscribe('holdfast:granted', ({ pushed, local }) => {
  counts.granted++
  if (pushed) counts.pushed++
  if (local) counts.local++
})
subscribe('holdfast:handover', ({ owner }) => recorder.write({ kind: 'handed', owner }))

const register = await openRegister(setting.registerPort)
const opened = await Promise.all(
  setting.holdfasts.map(async ({ client, kinds, urls, space = '', holdfast }) => {
    const clients = await Promise.all(urls.map((url, i) => connect(kinds[i], url)))
    return { label: client, clients, space, holdfast: { ...setting.holdfast, ...holdfast } }
  }),
)
const { signal: shared } = new AbortController()
const watched = {
  clients: opened.flatMap(({ clients }) => clients.map(({ client }) => client)),
  signals: [shared],
}
const bare = await leftOver(watched)
const tally = new Tally()

/** Resolves when it is on its way. */
const tell = (message) =>
  new Promise((resolve) => (process.connected ? process.send(message, resolve) : resolve()))

/** Counts in the registers of an exclusive lock, as its one writer. */
async function count(client, name, lock) {
  const { owner, fence: token } = lock
  for (const fenced of [true, false]) {
    const ask = (op, value) => register.ask({ op, name, fenced, client, owner, token, value })
    const claimed = await ask('claim')
    if (!claimed.accepted) continue
    const { accepted, value } = await ask('read')
    // A last look, as any code under a lock should take; a pause may follow it all the same.
    if (accepted && lock.validFor > 0) await ask('write', value + 1)
  }
}

const crews = opened.map(({ label, clients, space, holdfast }, i) => {
  const all = clients.map(({ client }) => client)
  const client = all.length === 1 ? all[0] : all
  const named = (name) => name && `${space}${name}`
  const record = (event) => recorder.write({ client: label, ...event, name: named(event.name) })
  const crew = {
    locks: new Holdfast(client, holdfast),
    client,
    options: { holdfast, lock: { ttl }, keep: i % 2 === 1 ? { linger } : {} },
    names: NAMES,
    kinds: KINDS,
    shared,
    record,
    async work(held, ms, mode) {
      if (mode === 'x') {
        for (const lock of locksOf(held)) await count(label, named(lock.name), lock)
      }
      // Some hold longer, so that what stops a process often stops a holder; few for several renewals.
      const [lock] = locksOf(held)
      const long = lock.fence % 10 === 0 ? 100 : ms
      await sleep(lock.fence % longOne === 0 ? ttl * 1.5 : long)
    },
  }
  return crew
})

let ending = false
const tasks = crews.flatMap((crew, i) =>
  Array.from({ length: setting.tasks }, async (_, j) => {
    const random = seeded(setting.seed * 1000 + i * 100 + j)
    while (!ending) {
      const outcome = await cycle(crew, random)
      tally.add(outcome)
      // Where nothing answers, or a node is in quarantine, a refusal comes at once.
      if (outcome === 'ERR_UNAVAILABLE' || outcome === 'ERR_NO_QUORUM') await sleep(20)
    }
  }),
)

/** All is well again: whoever asks, for whatever, has it. */
async function mustSucceed(crew) {
  for (const kind of Object.values(kindsOf)) {
    const calls = new Calls(crew)
    const wanted = { ...kind(crew, seeded(1)), must: true }
    const held = await calls.patiently(wanted, { wait: 30_000 }).catch(() => null)
    if (held) await calls.give(held)
  }
}

const asks = {
  stats: async () => tell({ stats: { tally, counts, ...(await leftOver(watched)) } }),
  /** The event loop blocks. */
  block({ ms }) {
    for (const { label } of opened) recorder.write({ kind: 'stopped', client: label })
    const until = performance.now() + ms
    while (performance.now() < until);
    void asks.there().then(() => {
      for (const { label } of opened) recorder.write({ kind: 'resumed', client: label })
    })
  },
  /** It runs again when what was due meanwhile has run. */
  async there() {
    // Its timers know the time from before until a turn later, and would end the next line at once.
    await turn()
    await turn()
    await sleep(20)
    await tell({ there: true })
  },
  async finish() {
    ending = true
    await Promise.all(tasks)
    await tell({ finished: true })
  },
  async end() {
    await Promise.all(crews.map(mustSucceed))
    await Promise.all(crews.map(({ locks }) => locks.close()))
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    await settled(() => timers() <= bare.timers)
    await tell({ end: { bare, closed: await leftOver(watched), tally, counts } })
    for (const { clients } of opened) for (const { end } of clients) end()
    register.close()
    process.disconnect()
  },
}
process.on('message', ({ ask, ...more }) => void asks[ask](more))
// Nobody is left to tell.
let ended = false
process.on('exit', () => (ended = true))
process.on('disconnect', () => ending || ended || process.exit(1))
void tell({ ready: true })
