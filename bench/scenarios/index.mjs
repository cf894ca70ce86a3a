// All scenarios, in the order in which they are run and shown.
import { free } from './free.mjs'
import { growth } from './growth.mjs'
import { handover } from './handover.mjs'
import { idle } from './idle.mjs'
import { importing } from './import.mjs'
import { memory } from './memory.mjs'
import { pair } from './pair.mjs'
import { processes } from './processes.mjs'
import { quorum } from './quorum.mjs'
import { renewal } from './renewal.mjs'
import { scripts } from './scripts.mjs'
import { storms } from './storms.mjs'

/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {string} title
 * @property {string} measures which table and plot it has
 * @property {number} weight its part of the whole time, beside those of the others
 * @property {(plan: object) => boolean} [only] whether a plan has it
 * @property {(bench: object) => Promise<object[]>} run what goes into the results as `rows`
 */

/** @type {Scenario[]} */
export const scenarios = [
  ...free,
  ...handover,
  ...processes,
  pair,
  idle,
  ...renewal,
  ...quorum,
  memory,
  importing,
  scripts,
  storms,
  ...growth,
]
