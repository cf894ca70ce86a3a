// One cycle: some way to want a lock, and what became of it. The runs under faults and the test for
// leaks make thousands of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { Calls } from './calls.mjs'

/** All that may come of a cycle. Anything else is a defect. */
export const OUTCOMES = [
  'held',
  'none',
  'cancelled',
  'ERR_TAKEN',
  'ERR_TIMEOUT',
  'ERR_CLOSED',
  'ERR_LOST',
  'ERR_UNAVAILABLE',
  'ERR_NO_QUORUM',
]

const PATIENT = { wait: 60_000 }
/** Of mutexes, alone or several together; two of them may be in one slot of a cluster. */
export const NAMES = ['a', 'b', '{tag}c', '{tag}d']
/** Of everything that cycles with these names take. */
export const lockNames = [...NAMES, 'rw', 'permits', 'leader']
/** How many permits there are. */
const LIMIT = 3

/**
 * @typedef {object} Crew
 * @property {import('holdfast').Holdfast} locks
 * @property {object | object[]} client of these locks; several for a quorum
 * @property {object} options of a Holdfast, of its locks, and of those that stay when they are released (keep)
 * @property {readonly string[]} names
 * @property {readonly string[]} [kinds] of lock; mutexes are the default
 * @property {AbortSignal} shared given to many calls, and never aborted
 * @property {(held: object, ms: number, mode: string) => Promise<void>} work done under the lock
 * @property {(event: object) => void} [record] is told of every call
 */

/** What is wanted: a lock, and how it is called in the record. */
export const kindsOf = {
  mutex({ locks, options, names }, random) {
    const name = random.pick(names)
    return {
      mode: 'x',
      names: [name],
      taker: locks.mutex(name, { ...options.lock, ...options.keep }),
    }
  },
  reentrant({ locks, options, names }, random) {
    const name = random.pick(names)
    const taker = locks.mutex(name, { ...options.lock, reentrant: true })
    return { mode: 'x', names: [name], taker, again: true }
  },
  read({ locks, options }) {
    return { mode: 's', names: ['rw'], taker: locks.readWrite('rw', options.lock).read() }
  },
  write({ locks, options }) {
    return { mode: 'x', names: ['rw'], taker: locks.readWrite('rw', options.lock).write() }
  },
  semaphore({ locks, options }, random) {
    const taker = locks.semaphore('permits', { ...options.lock, limit: LIMIT })
    return { mode: 'p', names: ['permits'], taker, permits: 1 + random.below(2), limit: LIMIT }
  },
  all({ locks, options, names }, random) {
    const first = random.below(names.length)
    const other = (first + 1 + random.below(names.length - 1)) % names.length
    const both = [names[first], names[other]]
    return { mode: 'x', names: both, taker: locks.all(both, options.lock) }
  },
  election({ locks, options }) {
    const election = locks.election('leader', options.lock)
    // Its one way in is that of a patient candidate.
    const acquire = (call) => election.campaign(call)
    return { mode: 'x', names: ['leader'], taker: { acquire } }
  },
}

/** Each of these tries to hold a lock, works under it, and says how it ended. */
const ways = {
  async once(calls, wanted, random) {
    const held = await calls.take(wanted, 0, (more) => wanted.taker.tryAcquire(more))
    if (!held) return 'none'
    try {
      await calls.crew.work(held, random.below(3), wanted.mode)
    } finally {
      await calls.give(held)
    }
    return 'held'
  },
  now: (calls, wanted, random) => calls.use(wanted, { wait: 0 }, random.below(3)),
  hurried(calls, wanted, random) {
    return calls.use(wanted, { wait: 1 + random.below(20) }, random.below(3))
  },
  patient: (calls, wanted, random) => calls.use(wanted, PATIENT, random.below(4)),
  async cancelled(calls, wanted, random) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort('cancelled'), random.below(20))
    try {
      const { signal } = controller
      return await calls.use(wanted, { ...PATIENT, signal }, random.below(3))
    } finally {
      clearTimeout(timer)
    }
  },
  async shared(calls, wanted, random) {
    const { shared: signal, work } = calls.crew
    const held = await calls.patiently(wanted, { ...PATIENT, signal })
    try {
      held.signal.addEventListener('abort', () => {})
      await work(held, random.below(3), wanted.mode)
      if (random.below(2) === 0) await calls.short('verify', () => held.verify())
      else await calls.short('extend', () => held.extend(1000 + random.below(1000)))
    } finally {
      await calls.give(held)
    }
    return 'held'
  },
  /** Not released: its time runs out. */
  async left(calls, wanted) {
    const { crew } = calls
    const options = { ...crew.options.lock, ttl: 50, renew: false }
    const brief = crew.locks.mutex(wanted.names[0], options)
    const held = await calls.patiently({ ...wanted, taker: brief }, PATIENT)
    await crew.work(held, 0, 'x')
    return 'held'
  },
  /** A Holdfast of its own on the same client, closed in the middle of it. */
  async closed(calls, wanted, random) {
    const { client, options } = calls.crew
    const own = new Holdfast(client, options.holdfast)
    const again = { ...wanted, taker: own.mutex(wanted.names[0], options.lock) }
    const using = calls.use(again, PATIENT, random.below(10))
    const closing = sleep(random.below(10)).then(() => own.close())
    const [outcome] = await Promise.allSettled([using, closing])
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  },
  async downgraded(calls, wanted, random) {
    const { work } = calls.crew
    const writer = await calls.patiently(wanted, PATIENT)
    let held = writer
    try {
      await work(writer, random.below(3), 'x')
      held = await calls.goOn('downgrade', writer, { ...wanted, mode: 's' }, () =>
        writer.downgrade(),
      )
      await work(held, random.below(3), 's')
    } finally {
      await calls.give(held)
    }
    return 'held'
  },
  /** Handed over, and taken over by this same process. */
  async handed(calls, wanted, random) {
    const { work, locks, options } = calls.crew
    let held = await calls.patiently(wanted, PATIENT)
    try {
      await work(held, random.below(3), wanted.mode)
      const token = await held.handOver()
      const { ttl } = options.lock
      held = await calls.goOn('takeOver', held, wanted, () => locks.takeOver(token, { ttl }))
      await work(held, random.below(3), wanted.mode)
    } finally {
      await calls.give(held)
    }
    return 'held'
  },
}

const table = (shares) =>
  Object.entries(shares).flatMap(([one, share]) => Array.from({ length: share }, () => one))
// How often each of them comes.
const usual = { once: 10, now: 8, hurried: 17, patient: 24, cancelled: 20, shared: 15 }
const waysOf = {
  mutex: table({ ...usual, left: 1, closed: 5, handed: 4 }),
  reentrant: table({ hurried: 1, patient: 2, cancelled: 1 }),
  read: table(usual),
  write: table({ ...usual, downgraded: 20 }),
  semaphore: table(usual),
  all: table(usual),
  election: ['shared'],
}
const shareOf = {
  mutex: 40,
  reentrant: 6,
  read: 14,
  write: 10,
  semaphore: 14,
  all: 10,
  election: 6,
}

/** All kinds of lock, as often as they come. */
export const KINDS = table(shareOf)

/**
 * @param {Crew} crew
 * @param {ReturnType<typeof import('./random.mjs').seeded>} random
 * @returns {Promise<string>} one of OUTCOMES, or the error in full
 */
export async function cycle(crew, random) {
  const kind = random.pick(crew.kinds ?? ['mutex'])
  const way = random.pick(waysOf[kind])
  try {
    return await ways[way](new Calls(crew), kindsOf[kind](crew, random), random)
  } catch (error) {
    if (error === 'cancelled') return error
    return OUTCOMES.includes(error?.code) ? error.code : `${kind} ${way}: ${error?.stack ?? error}`
  }
}

/** How often each outcome came up. */
export class Tally {
  total = 0
  counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]))

  add(outcome) {
    this.total++
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1
  }
}
