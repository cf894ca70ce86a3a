// What the scenarios with one process for each subject share: how a slice is run and what is counted of it.
import { now } from '../lib/clock.mjs'
import { judge } from '../lib/judge.mjs'

let serial = 0
/** A name that nobody has used: what a slice leaves behind must not meet the next. */
export const fresh = (what) => `bench:${what}:${++serial}`

const perTurn = (spent, turns) =>
  Object.fromEntries(Object.entries(spent).map(([key, value]) => [key, value / Math.max(1, turns)]))

/** begin and end for `interleave`: the subject opened in its own worker. */
export const opened = (bench, options) => ({
  begin: async (subject) => {
    const { urls } = await bench.single()
    await bench.worker(subject.id).call('open', { id: subject.id, urls, ...options }, 10_000)
  },
  end: (subject) => bench.worker(subject.id).call('close', {}, 5000),
})

/** Acquire and release in `loops` loops, each with a name of its own. */
export function cycling(bench, loops) {
  const run = async (subject, ms) => {
    const { control } = await bench.single()
    const args = { prefix: fresh('free'), loops, ms }
    const worker = bench.worker(subject.id)
    const { result, spent } = await control.during(() => worker.call('cycles', args, ms + 5000))
    if (result.count === 0) throw new Error(result.firstError ?? 'no cycle')
    return {
      perSecond: result.perSecond,
      p50: result.p50,
      p99: result.p99,
      failures: result.failures,
      clientUs: result.cpuUs / result.count,
      serverUs: spent.cpuUs / result.count,
      executed: spent.commands / result.count,
      count: result.count,
    }
  }
  return timed(bench, run)
}

/** `waiters` want one name, over and over. */
export function contending(
  bench,
  waiters,
  { abandon = false, holdMs = 0, sliceMs, warmUp = !abandon } = {},
) {
  const run = async (subject, ms) => {
    const { control } = await bench.single()
    const from = now() + 5
    const until = from + ms
    const args = { name: fresh('one'), waiters, from, until, abandon, holdMs }
    const worker = bench.worker(subject.id)
    const limit = ms + 5000 + waiters * 20
    const { result, spent } = await control.during(() => worker.call('contend', args, limit))
    if (abandon) worker.kill()
    const figures = judge(result, { from, until })
    bench.violation(subject.id, `a hand-over among ${waiters}`, figures.violations)
    if (figures.grants === 0) throw new Error(result.firstError ?? 'nobody was served')
    const count = result.turns.who.length
    return {
      ...figures,
      failures: result.failures,
      firstError: result.firstError,
      clientUs: result.cpuUs / count,
      serverUs: spent.cpuUs / count,
      executed: spent.commands / count,
      count,
    }
  }
  return timed(bench, run, { sliceMs, warmUp })
}

/** A slice, before the first of all a short one to warm up, and one more in which the wire is counted. */
function timed(bench, run, { sliceMs = bench.plan.sliceMs, warmUp = true } = {}) {
  const { warmMs, wireMs } = bench.plan
  const warm = new Set()
  return {
    async slice(subject) {
      if (warmUp && !warm.has(subject.id)) await run(subject, warmMs)
      warm.add(subject.id)
      return run(subject, sliceMs)
    },
    async extra(subject) {
      const worker = bench.worker(subject.id)
      await worker.call('countWire')
      const { count } = await run(subject, wireMs)
      return perTurn(await worker.call('endCount'), count)
    },
  }
}
