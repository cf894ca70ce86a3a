// Calls of locks, with a record of each: what was asked, when, and what came of it.
import { mono } from './recorder.mjs'

/** How long a call may last that asks the server once, or twice, ms: that is the time limit of two. */
const ASKING_MS = 550
let last = 0

/** The locks of whatever is held: one, or those of a set. */
export const locksOf = (held) => held.locks ?? [held]

/** The locks that this process has and has not begun to release, by owner id. */
export const holding = new Map()

/**
 * Until when a lock is believed in, and when it said so: never later than it is, and hardly earlier, even
 * where this process has to wait for its turn in between.
 */
export function beliefIn(lock) {
  for (let tries = 1; ; tries++) {
    const at = mono()
    const until = at + lock.validFor
    if (mono() - at < 0.5 || tries === 100) return { mono: at, until }
  }
}

const codeOf = (error) => {
  if (error === 'cancelled') return 'aborted'
  return error?.code ?? `${error?.stack ?? error}`
}

/** What one cycle asks for. */
export class Calls {
  /** @param {import('./cycles.mjs').Crew} crew */
  constructor(crew) {
    this.crew = crew
    this.record = crew.record ?? (() => {})
  }

  /** Asks for a lock, in the way that is given. */
  async take(wanted, wait, ask, op = 'acquire') {
    const call = this.#asked(op, wanted, wait)
    try {
      const held = await ask(permitsOf(wanted))
      if (held) this.#granted(call, wanted, held)
      this.#back(call)
      return held
    } catch (error) {
      this.#back(call, error)
      throw error
    }
  }

  patiently(wanted, options = {}) {
    const { wait } = options
    return this.take(wanted, wait, (more) => wanted.taker.acquire({ ...options, ...more }))
  }

  async give(held) {
    this.#ended(held)
    const call = this.#invoked('release')
    const result = await (held.resign?.() ?? held.release())
    this.#back(call)
    return result
  }

  /** Works for so long under a lock that is released at the end. */
  async use(wanted, options, ms) {
    const { work } = this.crew
    const call = this.#asked('acquire', wanted, options.wait)
    let release = null
    const body = async (held) => {
      this.#granted(call, wanted, held)
      this.#back(call)
      try {
        await work(held, ms, wanted.mode)
        // Of a re-entry there is nothing to record: it is the same tenure.
        if (wanted.again) await wanted.taker.use(() => work(held, ms, wanted.mode))
      } finally {
        this.#ended(held)
        release = this.#invoked('release')
      }
    }
    try {
      await wanted.taker.use(body, { ...options, ...permitsOf(wanted) })
    } catch (error) {
      if (release === null) this.#back(call, error)
      throw error
    } finally {
      if (release !== null) this.#back(release)
    }
    return 'held'
  }

  /** From one tenure to the next, with nobody in between. */
  goOn(op, held, wanted, turn) {
    this.#ended(held)
    return this.take(wanted, 0, turn, op)
  }

  /** A call that asks the server once. */
  async short(op, ask) {
    const call = this.#invoked(op)
    try {
      await ask()
      this.#back(call)
    } catch (error) {
      this.#back(call, error)
      throw error
    }
  }

  #invoked(op, more) {
    const call = ++last
    this.record({ kind: 'invoke', call, op, limit: ASKING_MS, ...more })
    return call
  }

  #asked(op, { names, must }, wait) {
    const limit = wait + 2 * ASKING_MS
    return this.#invoked(op, { name: names.join(' '), limit, wait, must })
  }

  #back(call, error) {
    if (error === undefined) this.record({ kind: 'return', call, ok: true })
    else this.record({ kind: 'return', call, ok: false, error: codeOf(error) })
  }

  #granted(call, { mode, permits, limit }, held) {
    if (!this.crew.record) return
    for (const lock of locksOf(held)) {
      const { name, owner, fence: token, signal } = lock
      const what = { mode, weight: permits, limit, name, owner, token }
      this.record({ ...beliefIn(lock), kind: 'granted', call, ...what })
      holding.set(owner, lock)
      const told = () => this.record({ kind: 'told', owner })
      // Lost before this code had its turn: nobody is told twice.
      if (signal.aborted) told()
      else signal.addEventListener('abort', told, { once: true })
    }
  }

  #ended(held) {
    for (const { owner } of locksOf(held)) {
      this.record({ kind: 'ended', owner, how: 'released' })
      holding.delete(owner)
    }
  }
}

const permitsOf = ({ permits }) => (permits === undefined ? {} : { permits })
