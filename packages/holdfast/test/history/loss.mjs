// @ts-check
import { describe, soonest, time } from './history.mjs'

/** @import { History, Violation } from './history.mjs' */

/**
 * I3: a holder who has not let go is told at the latest when its belief ends, or as soon as its process
 * runs again; and lost is for good.
 *
 * @param {History} history
 * @param {number} slack ms: how late a timer may be
 * @returns {Violation[]}
 */
export function loss(history, slack) {
  const found = []
  const invariant = 'I3 loss'
  for (const tenure of history.tenures) {
    const { client, name, until, since, how, endedAt, told, revived } = tenure
    if (revived < Infinity) {
      const text = `"${name}" was held again at ${time(revived)} after its end: ${describe(tenure)}`
      found.push({ invariant, mono: revived, text })
    }
    const due = soonest(history, client, since, until + slack)
    const released = how !== null && how !== 'lost' && endedAt <= due
    if (released || due >= history.end) continue
    if (told > due) {
      const when = told === Infinity ? 'was never told' : `was told at ${time(told)}`
      const text = `the loss of "${name}" was to be told by ${time(due)}, and ${when}: ${describe(tenure)}`
      found.push({ invariant, mono: due, text })
    }
  }
  return found
}
