// How long and how often. Quick is to see that all works; its figures mean little.
const second = 1000

const quick = {
  name: 'quick',
  limitMs: 112 * second,
  rounds: 2,
  fewRounds: 1,
  sliceMs: 80,
  warmMs: 30,
  wireMs: 30,
  /** Long enough for those who wait for a quarter of a second by default. */
  defaultsMs: 400,
  /** Beside Holdfast, what takes long is done with these only. */
  slow: 'hand-ioredis relay cohort publish least redlock5 redis-semaphore simple-redis-mutex'.split(
    ' ',
  ),
  idleMs: { ours: 1 * second, others: 0.3 * second },
  settleMs: 200,
  renewalMs: 1 * second,
  renewalSettleMs: 400,
  renewals: [1000],
  processes: [4],
  pipelined: false,
  memory: 1000,
  importRuns: 2,
  growthWaiters: [10, 100, 1000],
  growthNames: [10, 1000, 10_000],
  storm: 2000,
  stormRuns: 1,
  pairSamples: 60,
  scriptCalls: 200,
}

const full = {
  name: 'full',
  limitMs: 870 * second,
  rounds: 5,
  fewRounds: 3,
  sliceMs: 300,
  /** Until what is long has been compiled: most code that runs in production has. */
  warmMs: 700,
  wireMs: 150,
  defaultsMs: 2.5 * second,
  slow: null,
  idleMs: { ours: 5 * second, others: 1 * second },
  settleMs: 500,
  renewalMs: 3.3 * second,
  renewalSettleMs: 2 * second,
  renewals: [1000, 10_000],
  processes: [4, 8],
  pipelined: true,
  memory: 10_000,
  importRuns: 20,
  growthWaiters: [10, 100, 1000, 10_000],
  growthNames: [10, 100, 1000, 10_000, 100_000, 1_000_000],
  storm: 10_000,
  stormRuns: 3,
  pairSamples: 300,
  scriptCalls: 2000,
}

export const plans = { quick, full }
