// Two processes that hand one lock to each other: how long a message and what belongs to it take.
import { interleave } from '../lib/rounds.mjs'
import { ascending, quantile } from '../lib/stats.mjs'
import { fresh } from './one-process.mjs'

const measured = [
  'publish',
  'least',
  'relay',
  'holdfast',
  'holdfast-strict',
  'redlock5',
  'simple-redis-mutex',
]

export const pair = {
  id: 'pair',
  title: 'Two processes that hand one lock to each other',
  measures: 'pair',
  base: 'publish',
  weight: 45,
  async run(bench) {
    const { pairSamples, rounds } = bench.plan
    const { urls } = await bench.single()
    const workers = bench.crew(2)
    const slice = async (subject) => {
      const name = `{${fresh('pair')}}`
      try {
        for (const [side, worker] of workers.entries()) {
          await worker.call('open', { id: subject.id, urls }, 10_000)
          await worker.call('pair', { name, side }, 10_000)
        }
        const times = []
        let [from, to] = workers
        for (let i = 0; i < pairSamples + 10; i++) {
          await to.call('pairStand', {}, 5000)
          const sent = await from.call('pairSend', {}, 5000)
          const took = (await to.call('pairArrived', {}, 5000)) - sent
          // The first ones find connections and code that have not been used.
          if (i >= 10) times.push(took)
          ;[from, to] = [to, from]
        }
        // Nobody is there to hand it to, which the least script does not expect.
        await from.call('pairSend', {}, 5000).catch(() => {})
        for (const worker of workers) await worker.call('close', {}, 5000)
        ascending(times)
        return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
      } catch (error) {
        for (const worker of workers) worker.kill()
        throw error
      }
    }
    const subjects = bench.subjects(({ id }) => measured.includes(id), { slow: true })
    return interleave(bench, subjects, { rounds, slice })
  },
}
