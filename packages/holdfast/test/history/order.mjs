// @ts-check
import { describe, time } from './history.mjs'

/** @import { History, Tenure, Violation } from './history.mjs' */

/**
 * I5: who stood in line before another one asked has the lock before it, where nothing went wrong and one
 * server keeps the line. Tokens are the order of grants.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function order({ calls }) {
  const found = []
  /** @type {Map<string, { queued: number, tenure: Tenure }[]>} */
  const names = new Map()
  for (const { invoke, queued, tenures } of calls) {
    const [tenure] = tenures
    // A call for several names stands in one line after the other.
    if (!tenure || invoke.op !== 'acquire') continue
    const all = names.get(tenure.name) ?? []
    names.set(tenure.name, all)
    all.push({ queued, tenure })
  }
  for (const [name, all] of names) {
    const inLine = all.toSorted((a, b) => a.queued - b.queued)
    let latest = inLine[0]
    let i = 0
    for (const { tenure: next } of all.toSorted((a, b) => a.tenure.asked - b.tenure.asked)) {
      for (let one = inLine[i]; one && one.queued < next.asked; one = inLine[++i]) {
        if (!latest || one.tenure.token > latest.tenure.token) latest = one
      }
      if (i === 0 || !latest || next.token >= latest.tenure.token) continue
      const text =
        `"${name}" went to ${describe(next)}, who asked at ${time(next.asked)}, before ` +
        `${describe(latest.tenure)}, who had stood in line since ${time(latest.queued)}`
      found.push({ invariant: 'I5 order', mono: next.from, text })
    }
  }
  return found
}

/**
 * I6: who waits asks when it comes, when it has subscribed, and when a lease should have ended; and is told
 * the rest. Where nothing went wrong.
 *
 * @param {History} history
 * @returns {Violation[]}
 */
export function idle({ calls }) {
  const found = []
  for (const { invoke, settled } of calls) {
    if (settled?.asks === undefined || settled.lease === undefined) continue
    const waited = settled.mono - invoke.mono
    const most = 4 + Math.ceil((2 * waited) / settled.lease)
    if (settled.asks <= most) continue
    const text =
      `a call of ${invoke.client} for "${invoke.name}" that waited ${time(waited)} from ` +
      `${time(invoke.mono)} on asked ${settled.asks} times; ${most} are enough`
    found.push({ invariant: 'I6 idle', mono: settled.mono, text })
  }
  return found
}
