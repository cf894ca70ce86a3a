// Many want one name, again and again. Each turn is recorded; who held when is judged elsewhere, with the
// records of other processes. Whoever has released stands back until another here has had the lock: else a
// library that polls is measured by how often one waiter takes the lock again before the others look.
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../lib/clock.mjs'
import { countWire, endCount } from '../lib/wire.mjs'

const turnOfLoop = () => new Promise((resolve) => setImmediate(resolve))

/** Grows as typed arrays do: a plain list of a million numbers costs a garbage collection. */
class Record {
  #size = 0
  #arrays = null

  constructor() {
    this.#arrays = [new Int32Array(4096), ...[0, 1, 2].map(() => new Float64Array(4096))]
  }

  add(who, asked, granted, ended) {
    if (this.#size === this.#arrays[0].length) {
      this.#arrays = this.#arrays.map((old) => {
        const bigger = new old.constructor(old.length * 2)
        bigger.set(old)
        return bigger
      })
    }
    const [whos, askeds, granteds, endeds] = this.#arrays
    whos[this.#size] = who
    askeds[this.#size] = asked
    granteds[this.#size] = granted
    endeds[this.#size] = ended
    this.#size++
  }

  get turns() {
    const [who, asked, granted, ended] = this.#arrays.map((array) => array.slice(0, this.#size))
    return { who, asked, granted, ended }
  }
}

/**
 * @param {object} args
 * @param {string} args.name
 * @param {number} args.waiters
 * @param {number} args.until by the machine's clock; who waits then is served once more
 * @param {number} [args.from] when all ask for the first time
 * @param {number} [args.holdMs] 0: one turn of the event loop
 * @param {number} [args.counted] when to begin to count what goes over the wire
 * @param {boolean} [args.abandon] answer at the end without serving who still waits: the process is killed then
 */
export async function contend(
  open,
  { name, waiters, from = 0, until, holdMs = 0, counted, abandon },
) {
  const record = new Record()
  let failures = 0
  let firstError = null
  let grants = 0
  let back = []
  const forward = () => {
    const standing = back
    back = []
    for (const go of standing) go()
  }
  const work = holdMs === 0 ? turnOfLoop : () => sleep(holdMs)
  const waiter = async (who) => {
    const lock = open.lock(name)
    for (let asked = now(); asked < until; asked = now()) {
      try {
        const handle = await lock.acquire()
        const granted = now()
        const turn = ++grants
        forward()
        await work()
        record.add(who, asked, granted, now())
        await lock.release(handle)
        if (turn === grants && now() < until) await new Promise((resolve) => back.push(resolve))
      } catch (error) {
        failures++
        firstError ??= String(error?.message ?? error)
        await turnOfLoop()
      }
    }
  }
  const wait = from - now()
  if (wait > 0) await sleep(wait)
  // A little late: a timer may come early, and then nobody would call those who stand back after it.
  const over = setTimeout(forward, until - now() + 2)
  const all = Promise.all(Array.from({ length: waiters }, (_, who) => waiter(who)))
  if (counted) {
    await sleep(counted - now())
    countWire()
    await sleep(until - now())
  }
  const sent = counted ? endCount() : null
  await (abandon ? sleep(until - now()) : all)
  clearTimeout(over)
  return { waiters, turns: record.turns, failures, firstError, sent }
}
