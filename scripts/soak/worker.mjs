// One process of the soak: cycles until it is told to end; says who held what and when. It ends by
// itself, when its parent lets go of it: nothing here calls process.exit but a broken soak.
//
//   node --expose-gc worker.mjs <url> <seed> <ioredis|redis> <tasks>
import { Holdfast } from 'holdfast'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from './connect.mjs'
import { cycle, Tally } from './cycles.mjs'
import { leftOver, settled } from './left-over.mjs'
import { seeded } from './random.mjs'

const [url, seed, kind, count] = process.argv.slice(2)
const NAMES = ['a', 'b', '{tag}c']
// Short, so that a freeze of some seconds ends leases.
const options = { holdfast: {}, lock: { ttl: 1000 } }

// What the lock protects: a number, whose writer is known by his token. A token that is not the
// newest is refused, as every resource should.
const READ = `
local newest = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if tonumber(ARGV[1]) < newest then return -1 end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
return tonumber(redis.call('HGET', KEYS[1], 'value') or '0')`
const WRITE = `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
return 1`

// node-redis, because it does not send again what it has sent before the connection was cut: a write
// that is sent twice may be refused the second time, and yet be counted.
const { client: data, end: endData } = await connect('redis', url)
const { client, end } = await connect(kind, url)
const { signal: shared } = new AbortController()
const watched = { clients: [client], signals: [shared] }
const bare = await leftOver(watched)
const locks = new Holdfast(client, options.holdfast)
const tally = new Tally()

/** Resolves when it is on its way: one who is killed then has left it behind. */
const tell = (message) =>
  new Promise((resolve) => (process.connected ? process.send(message, resolve) : resolve()))
const now = () => Number(process.hrtime.bigint() / 1000n)

const evaluate = (script, key, ...args) =>
  data.eval(script, { keys: [key], arguments: args.map(String) })

/** @returns what became of it: done, stale, unknown, or null if nothing was written */
async function write(key, fence) {
  const value = await evaluate(READ, key, fence).catch(() => null)
  // An unknown answer to a question has changed nothing.
  if (value === null) return null
  if (value < 0) return 'stale'
  const done = await evaluate(WRITE, key, fence, value + 1).catch(() => null)
  if (done === null) return 'unknown'
  return done === 1 ? 'done' : 'stale'
}

async function work(lock, ms) {
  const { name, fence } = lock
  const from = now()
  let to = 0
  // The time is taken first: when the lock says that it is held, it was held then.
  const look = () => {
    const at = now()
    if (lock.validFor > 0) to = at
  }
  look()
  const wrote = await write(`counter:${name}`, fence)
  look()
  // One in ten holds longer, so that what stops a process often stops a holder.
  await sleep(fence % 10 === 0 ? 100 : ms)
  look()
  await tell({ tenure: { name, fence, from, to: Math.max(from, to) }, wrote })
}

let ending = false
const crew = { locks, client, options, names: NAMES, shared, work }
const tasks = Array.from({ length: Number(count) }, async (_, index) => {
  const random = seeded(Number(seed) * 100 + index)
  while (!ending) tally.add(await cycle(crew, random))
})

const asks = {
  stats: async () => tell({ stats: { tally, ...(await leftOver(watched)) } }),
  async end() {
    ending = true
    await Promise.all(tasks)
    await locks.close()
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    await settled(() => timers() <= bare.timers)
    await tell({ end: { bare, closed: await leftOver(watched), tally } })
    end()
    endData()
    process.disconnect()
  },
}
process.on('message', (ask) => void asks[ask]())
// Nobody is left to tell.
process.on('disconnect', () => ending || process.exit(1))
void tell({ ready: true })
