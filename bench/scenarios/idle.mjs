// 200 wait behind one holder, and nothing happens; then it releases, and each of them in turn.
import { interleave } from '../lib/rounds.mjs'
import { contending, fresh, opened } from './one-process.mjs'

const waiters = 200
/** The lease outlasts what is measured, so that its renewal is not counted. */
const ttl = 60_000

export const idle = {
  id: 'idle',
  title: `${waiters} idle waiters behind one holder, then its release`,
  measures: 'idle',
  waiters,
  weight: 90,
  async run(bench) {
    const { idleMs, settleMs, fewRounds, warmMs } = bench.plan
    const slice = async (subject) => {
      const worker = bench.worker(subject.id)
      await worker.call('queueUp', { name: fresh('idle'), count: waiters, holds: true, settleMs })
      const ms = subject.kind === 'ours' ? idleMs.ours : idleMs.others
      const before = await worker.call('cpu')
      await worker.call('countWire')
      await new Promise((resolve) => setTimeout(resolve, ms))
      const { commands } = await worker.call('endCount')
      const after = await worker.call('cpu')
      const cpuMs = (after.user + after.system - before.user - before.system) / 1000
      const released = await worker.call('openQueue')
      const { served, failed, overlaps, first, last, error } = await worker.call('served')
      bench.violation(subject.id, 'a drain', overlaps)
      if (served === 0) throw new Error(error ?? 'nobody was served')
      return {
        commands,
        windowMs: ms,
        perSecond: (commands / ms) * 1000,
        cpuPercent: (cpuMs / ms) * 100,
        firstMs: first - released,
        drainMs: last - released,
        served,
        failed,
      }
    }
    const roundsOf = ({ kind }) => (kind === 'ours' ? fewRounds : 1)
    const subjects = bench.subjects(({ waits }) => waits, { slow: true })
    const { begin, end } = opened(bench, { ttl })
    // As all others are: with fewer, since those that poll take long over many.
    const warm = contending(bench, 16, { sliceMs: warmMs, warmUp: false })
    const how = {
      async begin(subject) {
        await begin(subject)
        await warm.slice(subject)
      },
      end,
    }
    return interleave(bench, subjects, { rounds: fewRounds, roundsOf, slice, ...how })
  },
}
