// Everything at once: 10,000 calls in one turn of the loop, 10,000 releases, 10,000 who wait when all
// connections are cut. Commands and memory must stay bounded, and the server must not be held up.
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { interleave } from '../lib/rounds.mjs'
import { fresh } from './one-process.mjs'

const slowUs = 2000

/** What a part of it took: commands, the loop, memory, and what the server has in its slow log. */
async function watched({ control }, worker, work) {
  await control.call('SLOWLOG', 'RESET')
  const before = await worker.call('memory')
  await worker.call('countWire')
  await worker.call('watchLoop')
  const began = performance.now()
  const result = await work()
  const ms = performance.now() - began
  const loop = await worker.call('loopDelay')
  const { commands, bytes } = await worker.call('endCount')
  const after = await worker.call('memory')
  const slow = (await control.call('SLOWLOG', 'GET', '128')).map((entry) => Number(entry[2]) / 1000)
  return {
    ...result,
    ms: result?.ms ?? ms,
    commands,
    bytes,
    loopMaxMs: loop.max,
    heapMiB: (after.heap - before.heap) / 2 ** 20,
    rssMiB: (after.rss - before.rss) / 2 ** 20,
    slow: slow.length,
    slowestMs: Math.max(0, ...slow),
  }
}

/**
 * Has the server run before all other processes: else a script counts as slow during which the system gave the
 * core to somebody else. Needs the right to it.
 */
const first = ({ server }) =>
  spawnSync('chrt', ['--fifo', '--pid', '1', String(server.pid)]).status === 0

const plays = {
  async 'one name'(bench, place, worker, count) {
    const name = fresh('storm')
    return watched(place, worker, async () => {
      await worker.call('queueUp', { name, count, holds: true, settleMs: 0 }, 60_000)
      const released = await worker.call('openQueue')
      const { served, failed, overlaps, last, error } = await worker.call('served', {}, 60_000)
      bench.violation('holdfast', 'a storm', overlaps)
      return { ms: last - released, served, failed, error }
    })
  },
  async 'many names'(bench, place, worker, count) {
    const args = { prefix: fresh('storm'), count }
    return watched(place, worker, () => worker.call('storm', args, 60_000))
  },
  async 'all released'(bench, place, worker) {
    return watched(place, worker, () => worker.call('calm', {}, 60_000))
  },
  async 'all connections cut'(bench, place, worker, count, other) {
    const name = fresh('cut')
    await other.call('hold', { prefix: name, count: 1 })
    await worker.call('queueUp', { name: `${name}:0`, count, holds: false, settleMs: 1000 }, 60_000)
    return watched(place, worker, async () => {
      for (const type of ['pubsub', 'normal'])
        await place.control.call('CLIENT', 'KILL', 'TYPE', type)
      // They connect again, subscribe, and ask for their places.
      await sleep(3000)
      const began = performance.now()
      await other.call('letGo')
      const { served, failed, overlaps, error } = await worker.call('served', {}, 60_000)
      bench.violation('holdfast', 'a reconnect', overlaps)
      return { ms: performance.now() - began, served, failed, error }
    })
  },
}

export const storms = {
  id: 'storms',
  title: 'Storms: everything at once',
  measures: 'storms',
  weight: 60,
  async run(bench) {
    const { storm: count, stormRuns } = bench.plan
    const chosen = bench.subjects(({ id }) => id === 'holdfast' || id === 'holdfast-strict')
    const list = chosen.flatMap((subject) =>
      Object.keys(plays).map((play) => ({ ...subject, play })),
    )
    const args = ['--slowlog-log-slower-than', String(slowUs), '--slowlog-max-len', '1000']
    const place = await bench.start(args)
    if (first(place)) bench.note('the server runs before all other processes (SCHED_FIFO)')
    else bench.note('the server shares its core: what the system puts aside counts as slow, too')
    const workers = new Map()
    const workerOf = async (key, id) => {
      if (!workers.has(key)) workers.set(key, bench.fresh())
      const worker = workers.get(key)
      if (!worker.running) await worker.call('open', { id, urls: place.urls, ttl: 60_000 })
      return worker
    }
    const slice = async ({ id, play }) => {
      const worker = await workerOf(id, id)
      const other = await workerOf('other', 'holdfast')
      return { count, ...(await plays[play](bench, place, worker, count, other)) }
    }
    try {
      const rows = []
      // One after the other: what is released is what was taken before it.
      for (const subject of chosen) {
        const plays_ = list.filter(({ id }) => id === subject.id)
        rows.push(...(await inOrder(bench, plays_, { rounds: stormRuns, slice })))
      }
      return rows
    } finally {
      for (const worker of workers.values()) worker.kill()
      await place.stop()
    }
  },
}

/** As interleave, but each round begins with the first. */
async function inOrder(bench, list, { rounds, slice }) {
  const rows = []
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of list.entries()) {
      const [row] = await interleave(bench, [one], { rounds: 1, slice })
      rows[i] ??= { ...row, play: one.play, rounds: [], errors: [] }
      rows[i].rounds.push(row.rounds[0])
      rows[i].errors.push(...row.errors)
    }
  }
  return rows
}
