// One name that several processes want, each with many waiters.
import { now } from '../lib/clock.mjs'
import { judge, merge } from '../lib/judge.mjs'
import { interleave } from '../lib/rounds.mjs'
import { fresh } from './one-process.mjs'

const each = 16

/** All workers at once; when one fails the others end as well. */
async function all(workers, action, args, ms) {
  const answers = await Promise.allSettled(workers.map((worker) => worker.call(action, args, ms)))
  const failed = answers.find(({ status }) => status === 'rejected')
  if (failed) {
    for (const worker of workers) worker.kill()
    throw failed.reason
  }
  return answers.map(({ value }) => value)
}

/** What all of them sent, for each turn. */
function total(sent, turns) {
  const sums = { commands: 0, bytes: 0, writes: 0 }
  for (const one of sent) {
    for (const key of Object.keys(sums)) sums[key] += one[key] / turns
  }
  return sums
}

const scenario = (count) => ({
  only: ({ processes: counts }) => counts.includes(count),
  id: `processes-${count}`,
  title: `Contended: ${count} processes of ${each} waiters`,
  measures: 'turns',
  unit: 'hand-overs/s',
  base: 'relay',
  waiters: each,
  processes: count,
  weight: count === 4 ? 65 : 45,
  async run(bench) {
    const { sliceMs, rounds, fewRounds, warmMs, wireMs } = bench.plan
    const { control, urls } = await bench.single()
    const workers = bench.crew(count)
    const run = async (subject, ms, wire = false) => {
      await all(workers, 'open', { id: subject.id, urls }, 15_000)
      const name = fresh('processes')
      await all(workers, 'warmUp', { name }, 10_000)
      if (wire) await all(workers, 'countWire', {}, 5000)
      const from = now() + 20
      const until = from + ms
      const args = { name, waiters: each, from, until }
      const limit = ms + 8000
      const { result, spent } = await control.during(() => all(workers, 'contend', args, limit))
      const sent = wire ? await all(workers, 'endCount', {}, 5000) : []
      await all(workers, 'close', {}, 5000)
      const figures = judge(merge(result), { from, until })
      bench.violation(subject.id, `${count} processes`, figures.violations)
      const turns = result.reduce((sum, one) => sum + one.turns.who.length, 0)
      if (figures.grants === 0) throw new Error(result[0].firstError ?? 'nobody was served')
      return {
        ...figures,
        failures: result.reduce((sum, one) => sum + one.failures, 0),
        firstError: result.find((one) => one.firstError)?.firstError ?? null,
        clientUs: result.reduce((sum, one) => sum + one.cpuUs, 0) / turns,
        serverUs: spent.cpuUs / turns,
        executed: spent.commands / turns,
        count: turns,
        sent: total(sent, turns),
      }
    }
    const subjects = bench.subjects(({ waits, id }) => waits && id !== 'holdfast-node-redis', {
      slow: true,
    })
    return interleave(bench, subjects, {
      rounds: count === 4 ? rounds : fewRounds,
      begin: (subject) => run(subject, warmMs),
      slice: (subject) => run(subject, sliceMs),
      extra: async (subject) => (await run(subject, wireMs, true)).sent,
    })
  },
})

export const processes = [4, 8].map(scenario)
