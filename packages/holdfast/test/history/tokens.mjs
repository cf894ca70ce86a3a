// @ts-check
import { unprotected } from './exclusion.mjs'
import { describe, time } from './history.mjs'

/** @import { History, Tenure, Violation } from './history.mjs' */

/**
 * I2: who had the lock before a call began has the smaller token; and of exclusive tokens no two are
 * alike. Whatever happens, but for a server's clock that goes back. Where exclusion is promised, exclusive
 * tenures also have their tokens in the order in which they were believed in.
 *
 * @param {History} history
 * @param {boolean} exclusive
 * @returns {Violation[]}
 */
export function tokens(history, exclusive) {
  return [...history.names].flatMap(([name, tenures]) => [
    ...wrongNumbers(name, tenures),
    ...risingAcrossCalls(history, name, tenures),
    ...(exclusive ? risingAcrossTenures(history, name, tenures) : []),
    ...alike(name, tenures),
  ])
}

/**
 * @param {string} name
 * @param {readonly Tenure[]} tenures
 * @returns {Violation[]}
 */
function wrongNumbers(name, tenures) {
  const wrong = tenures.filter(({ token }) => !Number.isSafeInteger(token) || token <= 0)
  return wrong.map((one) => ({
    invariant: 'I2 fencing',
    mono: one.from,
    text: `the token of "${name}" is no whole number that JavaScript has exactly: ${describe(one)}`,
  }))
}

/**
 * What is handed on in a process without the server, after it was forced away or forgotten there, counts as
 * asked for when it was granted.
 *
 * @param {History} history
 * @param {string} name
 * @param {readonly Tenure[]} all
 * @returns {Violation[]}
 */
function risingAcrossCalls(history, name, all) {
  const found = []
  const tenures = all.map((one) => (unprotected(history, one) ? { ...one, asked: one.first } : one))
  const returned = tenures.toSorted((a, b) => a.from - b.from)
  /** @type {Tenure | null} */
  let largest = null
  let i = 0
  for (const next of tenures.toSorted((a, b) => a.asked - b.asked)) {
    for (let before = returned[i]; before && before.from < next.asked; before = returned[++i]) {
      if (largest === null || before.token > largest.token) largest = before
    }
    if (largest === null || next.token > largest.token) continue
    const text =
      `the token of "${name}" went back: ${describe(largest)} came before ` +
      `${describe(next)} asked, at ${time(next.asked)}`
    found.push({ invariant: 'I2 fencing', mono: next.from, text })
  }
  return found
}

/**
 * @param {History} history
 * @param {string} name
 * @param {readonly Tenure[]} tenures
 * @returns {Violation[]}
 */
function risingAcrossTenures(history, name, tenures) {
  const found = []
  const held = tenures.filter((one) => one.mode === 'x' && !unprotected(history, one))
  /** @type {Tenure | null} */
  let before = null
  for (const next of held.toSorted((a, b) => a.from - b.from)) {
    if (before !== null && next.token < before.token) {
      const text = `the token of "${name}" went back: ${describe(before)} held it before ${describe(next)}`
      found.push({ invariant: 'I2 fencing', mono: next.from, text })
    }
    if (before === null || next.token > before.token) before = next
  }
  return found
}

/**
 * @param {string} name
 * @param {readonly Tenure[]} tenures
 * @returns {Violation[]}
 */
function alike(name, tenures) {
  const found = []
  /** @type {Map<number, Tenure>} */
  const seen = new Map()
  for (const next of tenures) {
    const before = seen.get(next.token)
    if (before && (before.mode === 'x' || next.mode === 'x')) {
      const text = `two tenures of "${name}" have one token: ${describe(before)} and ${describe(next)}`
      found.push({ invariant: 'I2 fencing', mono: next.from, text })
    }
    seen.set(next.token, next)
  }
  return found
}

/**
 * I2, at the resource: what it accepts has tokens that never go back, and it refuses nobody who holds
 * the lock, as far as exclusion is promised.
 *
 * @param {History} history
 * @param {boolean} exclusive whether it is promised at all: else the older one of two who hold is refused
 * @returns {Violation[]}
 */
export function resource(history, exclusive) {
  /** @type {Violation[]} */
  const found = []
  const owners = new Map(history.tenures.map((one) => [`${one.owner} ${one.token}`, one]))
  /** @type {Map<string, { token: number, client: string }>} */
  const last = new Map()
  for (const {
    kind,
    name = '',
    token = NaN,
    accepted,
    owner = '',
    mono,
    client,
  } of history.events) {
    if (kind !== 'write') continue
    const before = last.get(name)
    const invariant = 'I2 resource'
    if (!accepted) {
      const tenure = owners.get(`${owner} ${token}`)
      const holds = tenure?.mode === 'x' && mono < tenure.end
      const wrongly = exclusive && holds && !unprotected(history, tenure)
      if (!wrongly) continue
      const text =
        `the resource "${name}" refused a write of its holder ${describe(tenure)} at ${time(mono)}: ` +
        `it had seen token ${before?.token} of ${before?.client}`
      found.push({ invariant, mono, text })
      continue
    }
    if (before && !(token >= before.token)) {
      const text =
        `the resource "${name}" accepted token ${token} of ${client} at ${time(mono)} ` +
        `after token ${before.token} of ${before.client}`
      found.push({ invariant, mono, text })
    }
    last.set(name, { token, client })
  }
  return found
}

/**
 * I8: no client's clock decides: a token is not ahead of the server's own time by more than is allowed for.
 *
 * @param {History} history
 * @param {number} ahead microseconds: 0 where the server makes the tokens, 60 s on a quorum
 * @returns {Violation[]}
 */
export function serverTime({ tenures }, ahead) {
  const wrong = tenures.filter(({ token, now }) => now !== undefined && token > now + ahead)
  return wrong.map((one) => ({
    invariant: 'I8 server time',
    mono: one.from,
    text: `the token is ${one.token - (one.now ?? 0)} microseconds ahead of the server: ${describe(one)}`,
  }))
}
