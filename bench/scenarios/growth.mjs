// How cost grows: with those who wait for one name, and with the names that are held.
import { now } from '../lib/clock.mjs'
import { judge } from '../lib/judge.mjs'
import { interleave } from '../lib/rounds.mjs'
import { fresh } from './one-process.mjs'

const ids =
  (...list) =>
  (subject) =>
    list.includes(subject.id)

/** Of the yardstick a million would take a minute, and be no other figure. */
const mostByHand = 100_000

/** Several sizes of one subject, as rows of their own. */
const sized = (subjects, sizes) =>
  subjects.flatMap((subject) => sizes.map((size) => ({ ...subject, size })))

const label = (rows, list) => rows.map((row, i) => ({ ...row, size: list[i].size }))

const waiters = {
  id: 'growth-waiters',
  title: 'Growth: hand-overs with more and more waiters in one process',
  measures: 'growth',
  unit: 'hand-overs/s',
  axis: 'waiters',
  weight: 50,
  async run(bench) {
    const { growthWaiters, sliceMs } = bench.plan
    const { urls } = await bench.single()
    const subjects = bench.subjects(
      ids(
        'holdfast',
        'holdfast-strict',
        'relay',
        'redlock5',
        'simple-redis-mutex',
        'redis-semaphore',
      ),
    )
    const list = sized(subjects, growthWaiters)
    const slice = async ({ id, size }) => {
      const worker = bench.worker(id)
      await worker.call('open', { id, urls }, 15_000)
      // All have asked once before the time begins: so many calls at once are another scenario, the storm.
      const from = now() + 200 + size / 2
      const until = from + sliceMs
      // With thousands it would take those who poll too long to serve all who still wait.
      const abandon = true
      const args = { name: fresh('growth'), waiters: size, until, counted: from, abandon }
      const result = await worker.call('contend', args, until - now() + 20_000)
      worker.kill()
      const { grants, perSecond, p50, p99, violations } = judge(result, { from, until })
      bench.violation(id, `a hand-over among ${size}`, violations)
      return { perSecond, p50, p99, commands: grants === 0 ? null : result.sent.commands / grants }
    }
    return label(await interleave(bench, list, { rounds: 1, slice }), list)
  },
}

const names = {
  id: 'growth-names',
  title: 'Growth: more and more names held by one process',
  measures: 'growth',
  unit: 'locks/s',
  axis: 'names',
  weight: 60,
  async run(bench) {
    const { growthNames } = bench.plan
    const list = sized(bench.subjects(ids('holdfast', 'hand-ioredis')), growthNames).filter(
      ({ kind, size }) => kind === 'ours' || size <= mostByHand,
    )
    const place = await bench.start()
    const slice = async ({ id, size }) => {
      await place.control.call('FLUSHALL')
      const worker = bench.fresh(['--max-old-space-size=8192'])
      try {
        // A lease that needs no renewal while it is measured.
        await worker.call('open', { id, urls: place.urls, ttl: 3_600_000 })
        await worker.call('hold', { prefix: 'warm', count: 5000 }, 30_000)
        await worker.call('letGo', {}, 30_000)
        const before = await worker.call('memory')
        const server = await place.control.usedMemory()
        const { ms, held, error } = await worker.call('hold', { prefix: 'n', count: size }, 120_000)
        if (held < size) throw new Error(error ?? `${held} of ${size}`)
        const after = await worker.call('memory', {}, 60_000)
        const serverAfter = await place.control.usedMemory()
        const released = await worker.call('letGo', {}, 120_000)
        return {
          perSecond: (size / ms) * 1000,
          releasesPerSecond: (size / released.ms) * 1000,
          heldBytes: (after.heap - before.heap) / size,
          serverBytes: (serverAfter - server) / size,
        }
      } finally {
        worker.kill()
      }
    }
    try {
      return label(await interleave(bench, list, { rounds: 1, slice }), list)
    } finally {
      await place.stop()
    }
  },
}

export const growth = [waiters, names]
