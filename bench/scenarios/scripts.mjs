// What one call of each script takes of the server.
import { interleave } from '../lib/rounds.mjs'

export const scripts = {
  id: 'scripts',
  title: 'Server time of one script call',
  measures: 'scripts',
  weight: 15,
  async run(bench) {
    const { fewRounds, scriptCalls: calls } = bench.plan
    const { urls } = await bench.single()
    const subjects = bench.subjects(({ id }) => id === 'holdfast')
    const slice = async ({ id }) => ({
      list: await bench.worker(id).call('scripts', { urls, calls }, 30_000),
    })
    const rows = await interleave(bench, subjects, { rounds: fewRounds, slice })
    // One row for each kind of call.
    return rows.flatMap((row) => {
      const kinds = row.rounds.find(Boolean)?.list ?? []
      const of = (i) => row.rounds.map((round) => round && { us: round.list[i].us })
      return kinds.map(({ what }, i) => ({ ...row, what, rounds: of(i) }))
    })
  },
}
