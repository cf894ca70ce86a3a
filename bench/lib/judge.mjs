// What a record of turns says: whether two held the lock at once, who was passed over, how long a hand-over took.
import { ascending, quantile } from './stats.mjs'

/**
 * @typedef {object} Turns one entry a turn; times in ms of one clock, the same for all processes
 * @property {ArrayLike<number>} who which waiter
 * @property {ArrayLike<number>} asked when it called acquire
 * @property {ArrayLike<number>} granted when acquire had resolved
 * @property {ArrayLike<number>} ended when it called release
 */

/** Two records as one: the waiters of the second are counted on. */
export function merge(records) {
  const all = { who: [], asked: [], granted: [], ended: [] }
  let first = 0
  for (const { waiters, turns } of records) {
    for (let i = 0; i < turns.who.length; i++) {
      all.who.push(turns.who[i] + first)
      all.asked.push(turns.asked[i])
      all.granted.push(turns.granted[i])
      all.ended.push(turns.ended[i])
    }
    first += waiters
  }
  return { waiters: first, turns: all }
}

/**
 * @param {{ waiters: number, turns: Turns }} record
 * @param {{ from: number, until: number }} window what counts for the rate: turns granted in it
 */
export function judge({ waiters, turns }, { from, until }) {
  const order = Array.from({ length: turns.who.length }, (_, i) => i)
  order.sort((a, b) => turns.granted[a] - turns.granted[b])
  const times = []
  const waits = []
  const last = new Float64Array(waiters).fill(-1)
  let violations = 0
  let grants = 0
  let free = -Infinity
  for (const i of order) {
    const granted = turns.granted[i]
    if (granted < free) violations++
    const inside = granted >= from && granted < until
    // Before the first turn nobody handed anything over.
    if (inside && free > -Infinity && granted >= free) times.push(granted - free)
    if (inside) {
      grants++
      last[turns.who[i]] = granted
      waits.push(granted - turns.asked[i])
    }
    free = Math.max(free, turns.ended[i])
  }
  ascending(times)
  ascending(waits)
  const { outOfOrder, passed } = passes(turns, order, waiters)
  return {
    grants,
    perSecond: (grants / (until - from)) * 1000,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    longestWait: waits.at(-1) ?? null,
    violations,
    outOfOrder: order.length === 0 ? null : outOfOrder / order.length,
    passed,
    unserved: last.filter((at) => at < 0).length,
  }
}

/** A turn is out of order if somebody who had asked before was still waiting. */
function passes(turns, order, waiters) {
  // The turns of one waiter follow each other, so its wait after a turn is its next one.
  const next = Array.from({ length: waiters }, () => [])
  for (const i of order) next[turns.who[i]].push(i)
  const at = new Int32Array(waiters)
  const count = new Int32Array(waiters)
  let outOfOrder = 0
  let passed = 0
  for (const i of order) {
    const who = turns.who[i]
    at[who]++
    count[who] = 0
    let early = false
    for (let other = 0; other < waiters; other++) {
      const waiting = next[other][at[other]]
      if (waiting === undefined || turns.asked[waiting] >= turns.asked[i]) continue
      early = true
      // Before its first turn a process may have to connect and subscribe, and nobody has heard of it.
      if (at[other] === 0) continue
      count[other]++
      if (count[other] > passed) passed = count[other]
    }
    if (early) outOfOrder++
  }
  return { outOfOrder, passed }
}
