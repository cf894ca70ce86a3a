// A lock that nobody else wants: one loop on one name, and many loops, each on a name of its own.
import { interleave } from '../lib/rounds.mjs'
import { cycling, opened } from './one-process.mjs'

const scenario = (id, title, loops, more) => ({
  id,
  title,
  measures: 'cycles',
  unit: 'cycles/s',
  base: 'hand-ioredis',
  loops,
  async run(bench) {
    const { plan } = bench
    const pipelined = loops > 1 && plan.pipelined
    const subjects = bench.subjects(({ id: of, pair }) => of !== 'cohort' && !pair, { pipelined })
    const rounds = loops === 64 ? plan.fewRounds : plan.rounds
    return interleave(bench, subjects, { rounds, ...opened(bench), ...cycling(bench, loops) })
  },
  ...more,
})

export const free = [
  scenario('serial', 'Uncontended: one name, one loop', 1, { weight: 60 }),
  scenario('parallel-64', 'Uncontended: 64 loops, each on its own name', 64, { weight: 60 }),
  scenario('parallel-512', 'Uncontended: 512 loops, each on its own name', 512, { weight: 90 }),
]
