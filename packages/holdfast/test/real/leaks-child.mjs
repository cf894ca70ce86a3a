// A process that makes many cycles and says what is left of them: see leaks-long.test.ts. It ends by
// itself: nothing here calls process.exit.
//
//   node --expose-gc leaks-child.mjs <url> <seed> <cycles>
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'
import { connect, connections, cutOne } from '../../../../scripts/faults/connect.mjs'
import { cycle, Tally } from '../../../../scripts/faults/cycles.mjs'
import { leftOver, settled } from '../../../../scripts/faults/left-over.mjs'
import { seeded } from '../../../../scripts/faults/random.mjs'

const [url, seed, count] = process.argv.slice(2).map((arg, i) => (i === 0 ? arg : Number(arg)))
const TASKS = 20
const NAMES = ['a', 'b', 'c', '{tag}d']
const options = { holdfast: {}, lock: { ttl: 2000 } }

const admin = new Redis(url)
const kinds = ['ioredis', 'redis', 'ioredis']
const opened = await Promise.all(kinds.map((kind) => connect(kind, url)))
const clients = opened.map(({ client }) => client)
const { signal: shared } = new AbortController()
const warnings = []
process.on('warning', (warning) => warnings.push(String(warning)))
const watched = { clients, signals: [shared] }
const bare = await leftOver(watched)

const all = clients.map((client) => new Holdfast(client, options.holdfast))
const tally = new Tally()
const broken = []
const holders = new Map()
const fences = new Map()
let cuts = 0

async function work(lock, ms) {
  const before = holders.get(lock.name)
  // By the clock, and no matter whether anybody has looked: a lease is over, or it is not.
  if (before?.validFor > 0) broken.push(`${lock.name}: two holders, ${before.owner} ${lock.owner}`)
  holders.set(lock.name, lock)
  const last = fences.get(lock.name) ?? 0
  if (lock.fence <= last) broken.push(`${lock.name}: fence ${lock.fence} after ${last}`)
  fences.set(lock.name, lock.fence)
  // Not on the process's clock alone: a round trip gives the others their chance.
  for (let i = 0; i <= ms; i++) await admin.ping()
}

/** So many cycles, and then quiet. */
async function run(part, cycles) {
  let begun = 0
  const task = async (index) => {
    const random = seeded(seed * 1000 + part * 100 + index)
    while (begun++ < cycles) {
      const i = random.below(all.length)
      const crew = { locks: all[i], client: clients[i], options, names: NAMES, shared, work }
      tally.add(await cycle(crew, random))
      if (random.below(40) === 0 && (await cutOne(admin, random))) cuts++
    }
  }
  await Promise.all(Array.from({ length: TASKS }, (_, index) => task(index)))
  holders.clear()
  const keys = async () => (await admin.keys('*')).filter((key) => !key.includes(':hf:fence:'))
  // Three clients with a subscriber each, all of them back; nothing of ours but fences; no timer.
  const quiet = async () =>
    (await keys()).length === 0 &&
    (await connections(admin)).length === 2 * clients.length &&
    process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length <= bare.timers
  // What ends by itself may still begin: a look, by a timer that does not keep the process alive, after
  // a claim of two seconds that was given away.
  let left = await leftOver(watched)
  await settled(async () => {
    if (!(await quiet())) return false
    left = await leftOver(watched)
    return left.timers <= bare.timers
  })
  return { ...left, keys: await keys() }
}

// The first part is for what is made once: caches, compiled code, buffers.
const parts = []
for (let part = 0; part < 5; part++) parts.push(await run(part, Math.round(count / 5)))

for (const locks of all) await locks.close()
await settled(async () => (await connections(admin)).length === clients.length)
const closed = await leftOver(watched)
const left = (await connections(admin)).length
const names = await admin.keys('*')
const lives = await Promise.all(names.map((key) => admin.pttl(key)))
const counts = tally.counts
process.stdout.write(
  JSON.stringify({
    counts,
    cuts,
    broken,
    warnings,
    bare,
    parts,
    closed,
    connections: left,
    names,
    lives,
  }),
)
for (const { end } of opened) end()
admin.disconnect()
