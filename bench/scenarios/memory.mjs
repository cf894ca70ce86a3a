// What a lock and a wait cost in memory, and what is left in the server afterwards.
import { setTimeout as sleep } from 'node:timers/promises'
import { interleave } from '../lib/rounds.mjs'

export const memory = {
  id: 'memory',
  title: 'Memory for each held lock and each waiter; keys left behind',
  measures: 'memory',
  weight: 60,
  async run(bench) {
    const { memory: count, settleMs } = bench.plan
    // Keys are counted on a server that nobody else uses.
    const place = await bench.start()
    const slice = async (subject) => {
      await place.control.call('FLUSHALL')
      const worker = bench.fresh()
      try {
        await worker.call('open', { id: subject.id, urls: place.urls, ttl: 60_000 })
        // What is made once, whatever the number of locks, is there before it is looked at: compiled code, too.
        await worker.call('hold', { prefix: 'warm', count: count / 4 }, 30_000)
        await worker.call('letGo', {}, 30_000)
        const server = await place.control.usedMemory()
        const empty = await worker.call('memory')
        const { held } = await worker.call('hold', { prefix: 'held', count }, 60_000)
        const full = await worker.call('memory')
        const serverFull = await place.control.usedMemory()
        await worker.call('letGo', {}, 60_000)
        const left = await place.control.keys()
        const before = await worker.call('memory')
        await worker.call(
          'queueUp',
          { name: 'waited', count, holds: true, settleMs: settleMs + 200 },
          60_000,
        )
        const waiting = await worker.call('memory', {}, 60_000)
        worker.kill()
        await sleep(100)
        const crashed = await place.control.keys()
        return {
          heldBytes: (full.heap - empty.heap) / held,
          heldRssBytes: (full.rss - empty.rss) / held,
          serverBytes: (serverFull - server) / held,
          waiterBytes: (waiting.heap - before.heap) / count,
          keysAfterRelease: left.keys,
          keysForever: left.forever,
          keysAfterCrash: crashed.keys - left.keys,
        }
      } finally {
        worker.kill()
      }
    }
    try {
      // What lingers is still held when the others have left nothing.
      const subjects = bench.subjects(({ waits, id }) => waits && id !== 'holdfast-linger', {
        slow: true,
      })
      return await interleave(bench, subjects, { rounds: 1, slice })
    } finally {
      await place.stop()
    }
  },
}
