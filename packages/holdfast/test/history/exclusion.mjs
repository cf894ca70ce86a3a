// @ts-check
import { describe, time } from './history.mjs'

/** @import { History, Tenure, Violation } from './history.mjs' */

/**
 * I1: nobody believes in a lock while another one believes in what excludes it.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function exclusion(history) {
  return [...history.names].flatMap(([name, tenures]) => {
    const safe = tenures.filter((one) => one.from < one.end && !unprotected(history, one))
    return sweep(name, safe)
  })
}

/**
 * I1, before it comes to two holders: nobody believes in a lock for longer than the lease of the servers.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function proved(history) {
  return history.tenures.flatMap((tenure) => {
    const { beyond } = tenure
    if (!beyond || unprotected(history, { ...tenure, end: Infinity })) return []
    const { mono, until = 0, ends = 0 } = beyond
    const lease = ends === -Infinity ? 'there was none' : `it ended at ${time(ends)}`
    const text =
      `at ${time(mono)} "${tenure.name}" was believed in until ${time(until)}, and of its lease on the ` +
      `servers ${lease}: ${describe(tenure)}`
    return [{ invariant: 'I1 proof', mono, text }]
  })
}

/**
 * Whether something was forgotten, forced or stepped while it held the lock or was about to, or those who
 * handed it on to it.
 *
 * @param {Pick<History, 'forgot'>} history
 * @param {Tenure} tenure
 */
export function unprotected({ forgot }, { name, first, end }) {
  return forgot.some(
    (event) =>
      (event.name === undefined || event.name === name) &&
      event.mono <= end &&
      first <= (event.to ?? event.mono),
  )
}

/**
 * @param {string} name
 * @param {readonly Tenure[]} tenures
 * @returns {Violation[]}
 */
function sweep(name, tenures) {
  const found = []
  /** @type {Tenure[]} */
  let holding = []
  for (const next of tenures.toSorted((a, b) => a.from - b.from)) {
    // Who ends at this moment makes room for who begins at it.
    holding = holding.filter(({ end }) => end > next.from)
    const wrong = conflict(next, holding)
    if (wrong.length > 0) {
      const others = wrong.map(describe).join(' and ')
      const text = `at ${time(next.from)} ${describe(next)} had "${name}" while it was held by ${others}`
      found.push({ invariant: 'I1 exclusion', mono: next.from, text })
    }
    holding.push(next)
  }
  return found
}

/**
 * Those of the holders beside whom this one may not be.
 *
 * @param {Tenure} next
 * @param {readonly Tenure[]} holding
 */
function conflict(next, holding) {
  const others = holding.filter(({ mode }) => mode !== next.mode || mode === 'x')
  if (others.length > 0 || next.mode !== 'p') return others
  const used = holding.reduce((sum, { weight }) => sum + weight, next.weight)
  // A limit that was changed counts for those who come in after it.
  return used > Math.max(next.limit, ...holding.map(({ limit }) => limit)) ? holding : []
}
