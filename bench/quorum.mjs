// A quorum of five: what acquire and release take, with all servers up and with two of them frozen.
//
//   npm run bench:quorum -- [--rounds 6] [--samples 200] [--engine valkey|redis]
//
// One process, one Holdfast, one name after the other. Rounds with all up and rounds with two servers
// stopped (SIGSTOP, another two each time) take turns in one run; beside them, on one server: the bare
// script call, and Holdfast on that server alone. It states figures and ratios, and passes or fails nothing.
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { Holdfast } from 'holdfast'
import { startServer } from 'holdfast/testing'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    samples: { type: 'string', default: '200' },
    engine: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const samples = Number(values.samples)

const servers = await Promise.all(
  Array.from({ length: 5 }, () => startServer({ engine: values.engine })),
)
const clients = servers.map(({ url }) => new Redis(url))
const quorum = new Holdfast(clients)
const alone = new Holdfast(clients[0])
const times = { bare: [], single: [], all: [], frozen: [], release: [], releaseFrozen: [] }

async function timed(into, work) {
  const start = performance.now()
  const result = await work()
  into.push(performance.now() - start)
  return result
}

let serial = 0
async function locks(holdfast, acquires, releases) {
  for (let i = 0; i < samples; i++) {
    const lock = await timed(acquires, () => holdfast.mutex(`bench:${++serial}`).acquire())
    await timed(releases, () => lock.release())
  }
}

function signal(which, name) {
  for (const i of which) process.kill(servers[i].pid, name)
}

try {
  await quorum.bootstrap()
  // Samples of the clocks, and scripts that the servers know.
  await locks(quorum, [], [])
  await locks(alone, [], [])
  for (let round = 0; round < rounds; round++) {
    const bare = clients[0]
    for (let i = 0; i < samples; i++) {
      await timed(times.bare, () => bare.eval("return redis.call('GET', KEYS[1])", 1, 'bench'))
    }
    await locks(alone, times.single, [])
    await locks(quorum, times.all, times.release)
    const two = [round % 5, (round + 1) % 5]
    signal(two, 'SIGSTOP')
    await locks(quorum, times.frozen, times.releaseFrozen)
    signal(two, 'SIGCONT')
    // What was queued for them is carried out, and what they answer is read.
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
} finally {
  signal([0, 1, 2, 3, 4], 'SIGCONT')
  await quorum.close()
  await alone.close()
  for (const client of clients) client.disconnect()
  await Promise.all(servers.map((server) => server.stop()))
}

const at = (list, part) => list.toSorted((a, b) => a - b)[Math.floor(list.length * part)]
const shown = (ms) => `${(ms * 1000).toFixed(0).padStart(7)} us`
const NAMES = {
  bare: 'one script call',
  single: 'acquire, one server',
  all: 'acquire, five servers',
  frozen: 'acquire, two of five frozen',
  release: 'release, five servers',
  releaseFrozen: 'release, two of five frozen',
}
console.log(`${rounds} rounds of ${samples} each, ${servers[0].engine} ${servers[0].version}`)
for (const [key, name] of Object.entries(NAMES)) {
  const list = times[key]
  console.log(`${name.padEnd(30)} p50 ${shown(at(list, 0.5))}   p99 ${shown(at(list, 0.99))}`)
}
const ratio = at(times.frozen, 0.99) / at(times.all, 0.99)
console.log(`p99 of acquire with two frozen is ${ratio.toFixed(2)} times that with all five up`)
