// @ts-check
import { soonest, time } from './history.mjs'

/** @import { Call, History, Violation } from './history.mjs' */

/** @param {Call} call */
const nameOf = ({ invoke: { client, op, call, name } }) =>
  `${op}${name === undefined ? '' : ` of "${name}"`} (call ${call} of ${client})`

/**
 * I4: every call settles by its limit, with a result or an error that has a code.
 *
 * @param {History} history
 * @param {number} slack ms
 * @returns {Violation[]}
 */
export function settles(history, slack) {
  const found = []
  const invariant = 'I4 settles'
  for (const call of history.calls) {
    const { invoke, settled } = call
    if (settled?.ok === false && !/^(ERR_[A-Z_]+|aborted)$/.test(settled.error ?? '')) {
      const text = `${nameOf(call)} failed with something that is no error of ours: ${settled.error}`
      found.push({ invariant, mono: settled.mono, text })
    }
    const { client, mono, limit } = invoke
    if (limit === undefined) continue
    const decided = soonest(history, client, mono, mono + limit + slack, true)
    const due = soonest(history, client, decided, decided + (invoke.grace ?? 0))
    const at = settled?.mono ?? Infinity
    if (at <= due || due >= history.end) continue
    const late = at === Infinity ? 'never settled' : `settled at ${time(at)}`
    const text = `${nameOf(call)} began at ${time(mono)}, was to settle by ${time(due)}, and ${late}`
    found.push({ invariant, mono: due, text })
  }
  return found
}

/**
 * When all is well again, calls succeed.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function liveness({ calls }) {
  const wrong = calls.filter(({ invoke, settled }) => invoke.must && settled?.ok !== true)
  return wrong.map((call) => {
    const { invoke, settled } = call
    const how = settled ? `failed with ${settled.error} at ${time(settled.mono)}` : 'never settled'
    const text = `all was well, and ${nameOf(call)}, which began at ${time(invoke.mono)}, ${how}`
    return { invariant: 'liveness', mono: settled?.mono ?? invoke.mono, text }
  })
}
