// One name that many want: how fast it goes from one to the next, in one process.
import { interleave } from '../lib/rounds.mjs'
import { contending, opened } from './one-process.mjs'

const scenario = (waiters, rounds, weight) => ({
  id: `handover-${waiters}`,
  title: `Contended: ${waiters} waiters in one process`,
  measures: 'turns',
  unit: 'hand-overs/s',
  base: 'relay',
  waiters,
  weight,
  async run(bench) {
    const subjects = bench.subjects(({ waits }) => waits, { slow: waiters > 16 })
    const how = contending(bench, waiters)
    return interleave(bench, subjects, { rounds: bench.plan[rounds], ...opened(bench), ...how })
  },
})

/** Each peer as it comes: whoever waits long by default is slow by default. */
const documented = {
  id: 'handover-defaults',
  title: 'Contended: 16 waiters that hold for 1 ms, retries as documented',
  measures: 'turns',
  unit: 'hand-overs/s',
  base: 'holdfast',
  waiters: 16,
  weight: 40,
  async run(bench) {
    const subjects = bench.subjects(
      ({ kind, documented: differs }) => kind === 'ours' || (kind === 'peer' && differs),
    )
    const how = contending(bench, 16, {
      abandon: true,
      holdMs: 1,
      sliceMs: bench.plan.defaultsMs,
    })
    const { begin, end } = opened(bench, { documented: true })
    // Its process is killed after each slice, with those who still wait.
    const fresh = async (subject) => {
      await begin(subject)
      return how.slice(subject)
    }
    return interleave(bench, subjects, { rounds: 1, slice: fresh, end })
  },
}

export const handover = [
  scenario(2, 'fewRounds', 30),
  scenario(16, 'rounds', 55),
  scenario(128, 'fewRounds', 75),
  documented,
]
