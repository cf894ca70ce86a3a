// Hand-over between two processes, against the least that a message can cost.
//
//   npm run bench:handover -- [--rounds 10] [--samples 300] [--engine valkey|redis]
//
// Timed: from the call of release() in one process to the moment when acquire() has resolved in the
// other, by the machine's clock. Beside it, in the same run and in turns:
//   publish   EVALSHA of a script of one PUBLISH; the other's subscriber has the message
//   swap      EVALSHA of GET, compare, SET and PUBLISH; the same
//   least     EVALSHA of the least that a hand-over with a lease, a line and a token can do; the same
// It states ratios, and passes or fails nothing.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startServer } from 'holdfast/testing'
import { makePeer } from './peer.mjs'
import { scriptCosts } from './script-costs.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    samples: { type: 'string', default: '300' },
    engine: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const samples = Number(values.samples)
const YARDSTICKS = ['publish', 'swap', 'least']
const KINDS = [...YARDSTICKS, 'holdfast']

const server = await startServer({ engine: values.engine })
const child = fork(fileURLToPath(new URL('peer.mjs', import.meta.url)), [server.url])
const expected = new Map()
child.on('message', (/** @type {any} */ { type, at }) => {
  expected.get(type)?.(at)
  expected.delete(type)
})
const told = (type) => new Promise((resolve) => expected.set(type, resolve))
await told('ready')
const here = await makePeer(server.url, 0)

/** One hand-over from here to there, or back, in µs. */
async function there(kind) {
  const arrived = told('arrived')
  const parked = told('parked')
  child.send({ step: 'wait', kind })
  await parked
  const start = await here.kinds[kind].send()
  return ((await arrived) - start) / 1000
}

async function back(kind) {
  const sent = told('sent')
  let ready
  const parked = new Promise((resolve) => (ready = resolve))
  const arrived = here.kinds[kind].wait(() => ready())
  await parked
  child.send({ step: 'send', kind })
  const end = await arrived
  return (end - (await sent)) / 1000
}

async function block(kind, count) {
  const times = []
  await here.begin(kind)
  for (let i = 0; i < count; i += 2) times.push(await there(kind), await back(kind))
  await here.end(kind)
  return times.sort((a, b) => a - b)
}

const quantile = (sorted, part) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
const median = (list) =>
  quantile(
    list.toSorted((a, b) => a - b),
    0.5,
  )
const say = (n, digits = 0) => n.toFixed(digits).padStart(8)

console.log(
  `${server.engine} ${server.version}, node ${process.version}, ${rounds} rounds of ${samples}`,
)
for (const kind of KINDS) await block(kind, 1000)
const perKind = () => Object.fromEntries(KINDS.map((kind) => [kind, []]))
const [p50, p99] = [perKind(), perKind()]
console.log('\nµs, p50 and p99 of each round, and the ratio of the p50 to that of each yardstick')
for (let round = 0; round < rounds; round++) {
  // Whoever comes first in a round may find the machine in another state.
  const order = KINDS.map((_, i) => KINDS[(i + round) % KINDS.length])
  for (const kind of order) {
    const sorted = await block(kind, samples)
    p50[kind].push(quantile(sorted, 0.5))
    p99[kind].push(quantile(sorted, 0.99))
  }
  const row = KINDS.map((kind) => `${kind} ${say(p50[kind].at(-1))} ${say(p99[kind].at(-1))}`)
  const ratios = YARDSTICKS.map((kind) => say(p50.holdfast.at(-1) / p50[kind].at(-1), 2))
  console.log(`${row.join('   ')}   ratio ${ratios.join(' ')}`)
}

console.log('\nmedians of the rounds (and their range)')
const range = (list) =>
  `${say(median(list))} (${Math.min(...list).toFixed(0)} to ${Math.max(...list).toFixed(0)})`
for (const kind of KINDS) {
  console.log(`${kind.padEnd(10)} p50 ${range(p50[kind])} µs    p99 ${range(p99[kind])} µs`)
}
for (const [kind, to] of [...YARDSTICKS.map((kind) => ['holdfast', kind]), ['least', 'publish']]) {
  const ratios = p50[kind].map((value, i) => value / p50[to][i])
  const span = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
  console.log(`p50 of ${kind} to ${to.padEnd(8)} ${median(ratios).toFixed(2)} (${span})`)
}
await scriptCosts(here)
child.disconnect()
await here.close()
await server.stop()
