// @ts-check
// Judges a history by the invariants I1 to I9. Each is one sweep over it.
import { liveness, settles } from './calls.mjs'
import { exclusion, proved } from './exclusion.mjs'
import { understand } from './history.mjs'
import { loss } from './loss.mjs'
import { idle, order } from './order.mjs'
import { leaks, owners } from './owners.mjs'
import { resource, serverTime, tokens } from './tokens.mjs'

/** @import { Event, Violation } from './history.mjs' */

/**
 * @typedef {object} Expectations
 * @property {boolean} [exclusion] false: clocks were further off than is allowed for, so I1 is not promised
 * @property {boolean} [calm] nothing went wrong, and one server keeps the line: I5, I6
 * @property {boolean} [fencing] false: a server's clock went back, so I2 is not promised
 * @property {number} [slack] ms, how late timers may be: 1 unless told, and much more on real machines
 * @property {number} [ahead] microseconds by which a token may be ahead of the server: 0 unless told
 *
 * @typedef {object} Judgement
 * @property {readonly Violation[]} violations in order of time
 * @property {{ calls: number, tenures: number, names: number, contended: number, lost: number }} counts so
 * that a run in which nothing happened does not pass as a good one. `contended`: tenures whose call had
 * stood in line
 */

/**
 * @param {readonly Event[]} events in order of time
 * @param {Expectations} expected
 * @returns {Judgement}
 */
export function check(events, expected = {}) {
  const {
    slack = 1,
    ahead = 0,
    calm = false,
    fencing = true,
    exclusion: exclusive = true,
  } = expected
  const history = understand(events)
  const violations = [
    ...(exclusive ? [...exclusion(history), ...proved(history)] : []),
    ...(fencing ? [...tokens(history, exclusive), ...resource(history, exclusive)] : []),
    ...loss(history, slack),
    ...settles(history, slack),
    ...(calm ? [...order(history), ...idle(history)] : []),
    ...owners(history),
    ...(fencing ? serverTime(history, ahead) : []),
    ...liveness(history),
    ...leaks(history),
  ]
  const { tenures, calls, names } = history
  const counts = {
    calls: calls.length,
    tenures: tenures.length,
    names: names.size,
    contended: calls.filter((one) => one.queued < Infinity && one.tenures.length > 0).length,
    lost: tenures.filter(({ how }) => how === 'lost').length,
  }
  return { violations: violations.sort((a, b) => a.mono - b.mono), counts }
}
