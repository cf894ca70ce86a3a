// What the figures are to be, and whether a run reached it.
import { median, ratios, known } from '../lib/stats.mjs'

/** A reader of results that never throws: what was not measured is null. */
function reader(results) {
  const rows = (scenario) => results.scenarios[scenario]?.rows ?? []
  const row = (scenario, subject, more = () => true) =>
    rows(scenario).find((one) => one.subject === subject && !one.skipped && more(one))
  const list = (scenario, subject, key, more) =>
    row(scenario, subject, more)?.rounds.map((round) => round?.[key] ?? null) ?? []
  return {
    row,
    list,
    median: (scenario, subject, key, more) => median(list(scenario, subject, key, more)),
    most: (scenario, subject, key, more) => {
      const values = known(list(scenario, subject, key, more))
      return values.length === 0 ? null : Math.max(...values)
    },
    ratio: (scenario, subject, base, key = 'perSecond') =>
      median(ratios(list(scenario, subject, key), list(scenario, base, key))),
    extra: (scenario, subject, key) => row(scenario, subject)?.extra?.[key] ?? null,
    /** The largest of the medians of all peers. */
    bestPeer: (scenario, key, pick = Math.max) => {
      const peers = results.subjects.filter(({ kind }) => kind === 'peer').map(({ id }) => id)
      const values = known(peers.map((id) => median(list(scenario, id, key))))
      return values.length === 0 ? null : pick(...values)
    },
  }
}

const atLeast = (target, unit = '') => ({
  target,
  unit,
  reached: (value) => value >= target,
  sign: '≥',
})
const atMost = (target, unit = '') => ({
  target,
  unit,
  reached: (value) => value <= target,
  sign: '≤',
})

/** Of how many turns somebody may be passed over: by whole shares of the other processes, a share for each of its own. */
const mostPassed = (processes, waiters, localHandovers) =>
  (processes - 1) * (localHandovers + 1) * Math.ceil(waiters / (localHandovers + 1))

const LOCAL_HANDOVERS = 16
const KB = 1024

/** @type {{ what: string, of: (r) => number | null, target: number, unit: string, sign: string }[]} */
const targets = [
  [
    'Uncontended, one name, one loop: times the lock by hand',
    (r) => r.ratio('serial', 'holdfast', 'hand-ioredis'),
    atLeast(0.95),
  ],
  [
    'The same with `linger`: times Holdfast without',
    (r) => r.ratio('serial', 'holdfast-linger', 'holdfast'),
    atLeast(100),
  ],
  [
    '512 loops on their own names, ioredis: times the lock by hand',
    (r) => r.ratio('parallel-512', 'holdfast', 'hand-ioredis'),
    atLeast(4),
  ],
  [
    '512 loops on their own names, node-redis: times the lock by hand on node-redis',
    (r) => r.ratio('parallel-512', 'holdfast-node-redis', 'hand-node-redis'),
    atLeast(4),
  ],
  [
    'Hand-over, 16 waiters, `localHandovers: 0`: times the push relay',
    (r) => r.ratio('handover-16', 'holdfast-strict', 'relay'),
    atLeast(0.85),
  ],
  [
    'Hand-over, 128 waiters, `localHandovers: 0`: times the push relay',
    (r) => r.ratio('handover-128', 'holdfast-strict', 'relay'),
    atLeast(0.85),
  ],
  [
    'Commands a hand-over, 16 waiters, `localHandovers: 0`',
    (r) => r.extra('handover-16', 'holdfast-strict', 'commands'),
    atMost(2.1),
  ],
  [
    'Commands a hand-over, 128 waiters, `localHandovers: 0`',
    (r) => r.extra('handover-128', 'holdfast-strict', 'commands'),
    atMost(2.1),
  ],
  [
    'Hand-overs out of order, 16 and 128 waiters, `localHandovers: 0`',
    (r) =>
      sum(
        r.most('handover-16', 'holdfast-strict', 'outOfOrder'),
        r.most('handover-128', 'holdfast-strict', 'outOfOrder'),
      ),
    atMost(0),
  ],
  [
    'Hand-over in one process, 16 waiters, default: times the cohort in memory',
    (r) => r.ratio('handover-16', 'holdfast', 'cohort'),
    atLeast(0.55),
  ],
  [
    'The same: times the best peer',
    (r) =>
      per(r.median('handover-16', 'holdfast', 'perSecond'), r.bestPeer('handover-16', 'perSecond')),
    atLeast(100),
  ],
  [
    'Four processes of 16, default: times the push relay',
    (r) => r.ratio('processes-4', 'holdfast', 'relay'),
    atLeast(4),
  ],
  [
    'Four processes of 16, default: how often somebody was passed over at most',
    (r) => r.most('processes-4', 'holdfast', 'passed'),
    atMost(mostPassed(4, 16, LOCAL_HANDOVERS)),
  ],
  [
    '200 idle waiters: commands in the whole time',
    (r) => r.most('idle', 'holdfast', 'commands'),
    atMost(0),
  ],
  [
    '200 waiters of one process: all served after the release',
    (r) => r.median('idle', 'holdfast', 'drainMs'),
    atMost(10, 'ms'),
  ],
  [
    'Quorum of 5, 64 loops: times the quorum by hand',
    (r) => r.ratio('quorum-parallel', 'holdfast', 'hand-ioredis'),
    atLeast(3),
  ],
  [
    'Quorum of 5, 8 waiters: hand-overs/s',
    (r) => r.median('quorum-handover', 'holdfast', 'perSecond'),
    atLeast(2000),
  ],
  [
    'Quorum of 5, two frozen: the median cycle over that with all up',
    (r) =>
      median(
        ratios(
          r.list('quorum-frozen', 'holdfast', 'down'),
          r.list('quorum-frozen', 'holdfast', 'up'),
        ),
      ),
    atMost(1.3),
  ],
  [
    '1,000 leases of 2 s renewed: commands/s',
    (r) => r.median('renewal-1000', 'holdfast', 'perSecond'),
    atMost(20),
  ],
  [
    '1,000 leases renewed: event loop held up over idle',
    (r) => r.median('renewal-1000', 'holdfast', 'overIdleMs'),
    atMost(8, 'ms'),
  ],
  [
    '10,000 leases of 2 s renewed: commands/s',
    (r) => r.median('renewal-10000', 'holdfast', 'perSecond'),
    atMost(200),
  ],
  [
    '10,000 leases renewed: event loop held up over idle',
    (r) => r.median('renewal-10000', 'holdfast', 'overIdleMs'),
    atMost(80, 'ms'),
  ],
  [
    'Heap for each held lock',
    (r) => per(r.median('memory', 'holdfast', 'heldBytes'), KB),
    atMost(0.8, 'KB'),
  ],
  [
    'Heap for each waiter',
    (r) => per(r.median('memory', 'holdfast', 'waiterBytes'), KB),
    atMost(1, 'KB'),
  ],
  ['Import over bare Node', (r) => r.median('import', 'holdfast', 'ms'), atMost(15, 'ms')],
  [
    'Bundle, minified and gzipped: what an import loads (all there is: see Import)',
    (r) => per(r.extra('import', 'holdfast', 'initialBytes'), KB),
    atMost(20, 'KB'),
  ],
  ['Storms: commands of the server over 2 ms, the most of the medians', (r) => slow(r), atMost(0)],
].map(([what, of, limit]) => Object.assign({ what, of }, limit))

function per(value, by) {
  return value === null || by === null || by === 0 ? null : value / by
}

function sum(...values) {
  return values.includes(null) ? null : values.reduce((a, b) => a + b, 0)
}

function slow(r) {
  const of = (play) => r.median('storms', 'holdfast', 'slow', (row) => row.play === play)
  const values = ['one name', 'many names', 'all released', 'all connections cut'].map(of)
  return values.includes(null) ? null : Math.max(...values)
}

/** @returns {{ what: string, limit: string, value: number | null, unit: string, reached: boolean | null }[]} */
export function judgeTargets(results) {
  const r = reader(results)
  return targets.map(({ what, of, target, unit, sign, reached }) => {
    const value = of(r)
    return {
      what,
      limit: `${sign} ${target.toLocaleString('en')}${unit && ` ${unit}`}`,
      value,
      unit,
      reached: value === null ? null : reached(value),
    }
  })
}
