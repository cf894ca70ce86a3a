// @ts-check
import { describe, time } from './history.mjs'

/** @import { History, Tenure, Violation } from './history.mjs' */

/**
 * I7: an owner id names one tenure on the server. In its process it may pass from one call to the next, each
 * with a larger token, and from none who has lost it.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function owners({ tenures }) {
  const found = []
  /** @type {Map<string, Tenure>} */
  const seen = new Map()
  for (const tenure of tenures) {
    const key = `${tenure.name} ${tenure.owner}`
    const before = seen.get(key)
    const passed =
      before?.mode === 'x' &&
      before.client === tenure.client &&
      before.how === 'released' &&
      before.endedAt <= tenure.from &&
      before.token < tenure.token
    if (before && !passed) {
      const text = `one owner id had "${tenure.name}" twice: ${describe(before)} and ${describe(tenure)}`
      found.push({ invariant: 'I7 owner ids', mono: tenure.from, text })
    }
    seen.set(key, tenure)
  }
  return found
}

/**
 * I9: nothing is left at the end.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function leaks({ events }) {
  const left = events.filter(({ kind }) => kind === 'left')
  return left.map(({ mono, client, what }) => {
    const whose = client === '' ? 'a server' : client
    return { invariant: 'I9 leaks', mono, text: `${whose} was left with ${what} at ${time(mono)}` }
  })
}
