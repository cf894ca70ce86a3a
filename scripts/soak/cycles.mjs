// One cycle: some way to want a lock, and what became of it. The soak and the test for leaks make
// thousands of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'

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
]

const PATIENT = { wait: 60_000 }

/**
 * @typedef {object} Crew
 * @property {import('holdfast').Holdfast} locks
 * @property {object} client of these locks
 * @property {object} options of a Holdfast, and of its locks
 * @property {readonly string[]} names
 * @property {AbortSignal} shared given to many calls, and never aborted
 * @property {(lock: import('holdfast').Lock, ms: number) => Promise<void>} work done under the lock
 */

/** Each of these tries to hold a lock, works under it, and says how it ended. */
const ways = {
  async once({ mutex, work }, random) {
    const lock = await mutex.tryAcquire()
    if (!lock) return 'none'
    await work(lock, random.below(3))
    await lock.release()
    return 'held'
  },
  async now({ mutex, work }, random) {
    return mutex.use((lock) => work(lock, random.below(3)), { wait: 0 }).then(() => 'held')
  },
  async hurried({ mutex, work }, random) {
    const wait = 1 + random.below(20)
    return mutex.use((lock) => work(lock, random.below(3)), { wait }).then(() => 'held')
  },
  async patient({ mutex, work }, random) {
    return mutex.use((lock) => work(lock, random.below(4)), PATIENT).then(() => 'held')
  },
  async cancelled({ mutex, work }, random) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort('cancelled'), random.below(20))
    try {
      const { signal } = controller
      await mutex.use((lock) => work(lock, random.below(3)), { ...PATIENT, signal })
      return 'held'
    } finally {
      clearTimeout(timer)
    }
  },
  async shared({ mutex, work, shared: signal }, random) {
    const lock = await mutex.acquire({ ...PATIENT, signal })
    try {
      lock.signal.addEventListener('abort', () => {})
      await work(lock, random.below(3))
      if (random.below(2) === 0) await lock.verify()
      else await lock.extend(1000 + random.below(1000))
    } finally {
      await lock.release()
    }
    return 'held'
  },
  /** Not released: its time runs out. */
  async left({ mutex, locks, options, work }) {
    const brief = locks.mutex(mutex.name, { ...options.lock, ttl: 50, renew: false })
    await work(await brief.acquire(PATIENT), 0)
    return 'held'
  },
  /** A Holdfast of its own on the same client, closed in the middle of it. */
  async closed({ mutex, client, options, work }, random) {
    const own = new Holdfast(client, options.holdfast)
    const again = own.mutex(mutex.name, options.lock)
    const using = again.use((lock) => work(lock, random.below(10)), PATIENT)
    const closing = sleep(random.below(10)).then(() => own.close())
    const [outcome] = await Promise.allSettled([using, closing])
    if (outcome.status === 'rejected') throw outcome.reason
    return 'held'
  },
}

// How often each of them comes, in a hundred.
const shares = { once: 10, now: 8, hurried: 17, patient: 24, cancelled: 20, shared: 15, left: 1 }
const table = Object.entries({ ...shares, closed: 5 }).flatMap(([way, share]) =>
  Array.from({ length: share }, () => way),
)

/**
 * @param {Crew} crew
 * @param {ReturnType<typeof import('./random.mjs').seeded>} random
 * @returns {Promise<string>} one of OUTCOMES, or the error in full
 */
export async function cycle(crew, random) {
  const way = random.pick(table)
  const mutex = crew.locks.mutex(random.pick(crew.names), crew.options.lock)
  try {
    return await ways[way]({ ...crew, mutex }, random)
  } catch (error) {
    if (error === 'cancelled') return error
    return OUTCOMES.includes(error?.code) ? error.code : `${way}: ${error?.stack ?? error}`
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
