// Many leases of 2 s that are held for longer than that, each renewed by its library.
import { setTimeout as sleep } from 'node:timers/promises'
import { interleave } from '../lib/rounds.mjs'
import { fresh } from './one-process.mjs'

const ttl = 2000
/** Of 10,000 leases with a timer each two are enough. */
const some = ['redis-semaphore', 'redlock-universal']

const scenario = (leases) => ({
  id: `renewal-${leases}`,
  title: `${leases.toLocaleString('en')} leases of ${ttl / 1000} s, held and renewed`,
  measures: 'renewal',
  leases,
  weight: leases === 1000 ? 80 : 30,
  only: ({ renewals }) => renewals.includes(leases),
  async run(bench) {
    const { renewalMs, renewalSettleMs, fewRounds } = bench.plan
    const { control, urls } = await bench.single()
    const slice = async (subject) => {
      const worker = bench.worker(subject.id)
      await worker.call('open', { id: subject.id, urls, ttl })
      // The process as it is with the subject open and nothing held.
      await worker.call('watchLoop')
      await sleep(renewalMs / 3)
      const idle = await worker.call('loopDelay')
      const prefix = fresh('lease')
      const { held, error } = await worker.call('hold', { prefix, count: leases }, 30_000)
      // The first renewals come together; what goes on after them is what is paid for as long as they are held.
      await sleep(renewalSettleMs)
      const before = await worker.call('cpu')
      await worker.call('countWire')
      await worker.call('watchLoop')
      const { spent } = await control.during(() => sleep(renewalMs))
      const busy = await worker.call('loopDelay')
      const { commands, bytes, writes } = await worker.call('endCount')
      const after = await worker.call('cpu')
      const alive = (await control.call('KEYS', `*${prefix}:*`)).filter(
        (key) => !key.includes(':hf:'),
      )
      await worker.call('letGo', {}, 30_000)
      if (held === 0) throw new Error(error ?? 'nothing was held')
      const perSecond = (count) => (count / renewalMs) * 1000
      return {
        perSecond: perSecond(commands),
        bytes: perSecond(bytes),
        writes: perSecond(writes),
        cpuPercent: (after.user + after.system - before.user - before.system) / 10 / renewalMs,
        serverPercent: spent.cpuUs / 10 / renewalMs,
        idleMaxMs: idle.max,
        maxMs: busy.max,
        p99Ms: busy.p99,
        overIdleMs: busy.max - idle.max,
        held,
        alive: alive.length,
      }
    }
    const subjects = bench.subjects(
      ({ renews, kind, id }) =>
        renews &&
        id !== 'holdfast-linger' &&
        (kind === 'ours' || leases === 1000 || some.includes(id)),
      { slow: true },
    )
    const roundsOf = ({ kind }) => (kind === 'ours' && leases === 1000 ? fewRounds : 1)
    const end = (subject) => bench.worker(subject.id).call('close', {}, 5000)
    return interleave(bench, subjects, {
      rounds: fewRounds,
      roundsOf,
      slice,
      end,
    })
  },
})

export const renewal = [1000, 10_000].map(scenario)
