// Five independent servers, of which a majority decides: all up, contended, and with two of them frozen.
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../lib/clock.mjs'
import { judge } from '../lib/judge.mjs'
import { interleave } from '../lib/rounds.mjs'
import { fresh } from './one-process.mjs'

const ofQuorum = ({ quorum }) => quorum
/** A client of the peers' gives up a command after so long: without it most of them hang as long as a server does. */
const commandTimeout = 100

async function urlsOf(bench) {
  return (await bench.five()).flatMap(({ urls }) => urls)
}

const opened = (bench, options) => ({
  begin: async (subject) => {
    const urls = await urlsOf(bench)
    await bench.worker(subject.id).call('open', { id: subject.id, urls, ...options }, 10_000)
  },
  end: (subject) => bench.worker(subject.id).call('close', {}, 5000),
})

async function cycles(bench, subject, loops, ms, limit = ms + 5000) {
  const args = { prefix: fresh('quorum'), loops, ms }
  const result = await bench.worker(subject.id).call('cycles', args, limit)
  if (result.count === 0) throw new Error(result.firstError ?? 'no cycle')
  const { perSecond, p50, p99, failures, count, cpuUs } = result
  return { perSecond, p50, p99, failures, count, clientUs: cpuUs / count }
}

const wired = (bench, work) => async (subject) => {
  const worker = bench.worker(subject.id)
  await worker.call('countWire')
  const { count } = await work(subject)
  const sent = await worker.call('endCount')
  return Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, value / count]))
}

const parallel = {
  id: 'quorum-parallel',
  title: 'Quorum of 5: 64 loops, each on its own name',
  measures: 'cycles',
  unit: 'cycles/s',
  base: 'hand-ioredis',
  weight: 35,
  async run(bench) {
    const { fewRounds, sliceMs, warmMs, wireMs } = bench.plan
    const { begin, end } = opened(bench)
    const warm = async (subject) => {
      await begin(subject)
      await cycles(bench, subject, 64, warmMs)
    }
    return interleave(bench, bench.subjects(ofQuorum), {
      rounds: fewRounds,
      begin: warm,
      end,
      slice: (subject) => cycles(bench, subject, 64, sliceMs),
      extra: wired(bench, (subject) => cycles(bench, subject, 64, wireMs)),
    })
  },
}

const contended = {
  id: 'quorum-handover',
  title: 'Quorum of 5: 8 waiters on one name',
  measures: 'turns',
  unit: 'hand-overs/s',
  base: 'hand-ioredis',
  waiters: 8,
  weight: 35,
  async run(bench) {
    const { fewRounds, sliceMs, warmMs, wireMs } = bench.plan
    const run = async (subject, ms) => {
      const from = now() + 5
      const until = from + ms
      const args = { name: fresh('quorum'), waiters: 8, from, until }
      const result = await bench.worker(subject.id).call('contend', args, ms + 8000)
      const figures = judge(result, { from, until })
      bench.violation(subject.id, 'a quorum', figures.violations)
      const count = result.turns.who.length
      if (figures.grants === 0) throw new Error(result.firstError ?? 'nobody was served')
      return { ...figures, failures: result.failures, clientUs: result.cpuUs / count, count }
    }
    const { begin, end } = opened(bench)
    const warm = async (subject) => {
      await begin(subject)
      await run(subject, warmMs)
    }
    return interleave(bench, bench.subjects(ofQuorum), {
      rounds: fewRounds,
      begin: warm,
      end,
      slice: (subject) => run(subject, sliceMs),
      extra: wired(bench, (subject) => run(subject, wireMs)),
    })
  },
}

/** All up and two frozen in turns: another two each round. */
const frozen = {
  id: 'quorum-frozen',
  title: 'Quorum of 5: one loop, all up and two of them frozen (SIGSTOP)',
  measures: 'frozen',
  weight: 45,
  async run(bench) {
    const { fewRounds, sliceMs, warmMs } = bench.plan
    const servers = await bench.five()
    let round = 0
    const slice = async (subject) => {
      const up = await cycles(bench, subject, 1, sliceMs)
      const two = [round % 5, (round + 1) % 5].map((i) => servers[i].server)
      round++
      for (const server of two) server.freeze()
      try {
        const down = await cycles(bench, subject, 1, sliceMs, sliceMs + 2500)
        return {
          up: up.p50,
          upP99: up.p99,
          down: down.p50,
          downP99: down.p99,
          perSecond: down.perSecond,
        }
      } finally {
        for (const server of two) server.thaw()
        // What was queued for them is carried out, and what they answer is read.
        await sleep(200)
      }
    }
    const { begin, end } = opened(bench, { commandTimeout })
    const warm = async (subject) => {
      await begin(subject)
      await cycles(bench, subject, 1, warmMs)
    }
    return interleave(bench, bench.subjects(ofQuorum), {
      rounds: fewRounds,
      begin: warm,
      slice,
      end,
    })
  },
}

export const quorum = [parallel, contended, frozen]
