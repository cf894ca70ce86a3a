import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { check } from '../../packages/holdfast/test/history/check.mjs'
import { readHistory, understand } from '../../packages/holdfast/test/history/history.mjs'

// Of timers, on a machine that has more to do than it can.
const SLACK_MS = 2000
/** By how much a ballot may be ahead of a server's time, microseconds. */
const AHEAD = 60e6
/** A call that is longer may have stood in line meanwhile, with nothing under way. */
const BRIEF_MS = 1000
/** No call is longer. */
const LONGEST_MS = 65_000

const eventsOf = (folder) => readHistory(readdirSync(folder).map((name) => join(folder, name)))

/**
 * Judges all that the processes of a run have written down.
 *
 * @param {string} folder
 * @param {boolean} quorum
 */
export function judge(folder, quorum) {
  const events = eventsOf(folder)
  const expected = { slack: SLACK_MS, ahead: quorum ? AHEAD : 0 }
  const { violations, counts } = check(events, expected)
  const handed = events.filter(({ kind }) => kind === 'handed').length
  // What would have been violations, had it not been a server that forgot.
  const two = ({ invariant }) => invariant === 'I1 exclusion'
  const strict = check(
    events.filter(({ kind }) => kind !== 'forgot'),
    expected,
  )
  const forgiven = strict.violations.filter(two).length - violations.filter(two).length
  return { violations, forgiven, handed, ...counts }
}

/**
 * A fault that nobody notices proves nothing. It hit if it lasted while a call was under way of those whom
 * it was for, or while one of them got a lock or, where a process is concerned, had one.
 *
 * @param {string} folder
 * @param {object[]} faults get their `hits`
 */
export function countHits(folder, faults) {
  const { calls, tenures } = understand(eventsOf(folder))
  const byBegin = calls.toSorted((a, b) => a.invoke.mono - b.invoke.mono)
  const byGrant = tenures.toSorted((a, b) => a.from - b.from)
  for (const fault of faults) {
    const { from, to, clients, evidence } = fault
    const concerned = (client) => clients === null || clients.includes(client)
    let hits = 0
    // A process that waits is hit too: it may be granted something just then. And where the server or
    // the proxy has counted, there was something to hit.
    const parked = clients !== null || evidence > 0
    const since = from - (parked ? LONGEST_MS : BRIEF_MS)
    for (let i = firstFrom(byBegin, since, ({ invoke }) => invoke.mono); ; i++) {
      const { invoke, settled } = byBegin[i] ?? {}
      if (!invoke || invoke.mono > to) break
      const end = settled?.mono ?? Infinity
      const brief = end - invoke.mono <= BRIEF_MS || end <= to || invoke.mono >= from
      if (concerned(invoke.client) && end >= from && (brief || parked)) hits++
    }
    for (let i = firstFrom(byGrant, from, (one) => one.from); byGrant[i]?.from <= to; i++) {
      if (concerned(byGrant[i].client)) hits++
    }
    if (clients) {
      hits += tenures.filter(
        (one) => one.from < from && one.endedAt > from && concerned(one.client),
      ).length
    }
    // What the server says counts more: a flush of nothing hits nobody.
    fault.hits = evidence === 0 ? 0 : hits
  }
}

/** Where in a list that is in order of time the first is that is not before a moment. */
function firstFrom(list, moment, at) {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (at(list[middle]) < moment) low = middle + 1
    else high = middle
  }
  return low
}
