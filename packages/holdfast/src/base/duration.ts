import { invalid } from './errors.js'

/** Milliseconds as a number, or a string such as '250ms', '10s', '5m', '1h'. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h'}`

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** How long a duration may be: a year. Longer is a mistake in units. */
const LONGEST: number = 365 * 24 * UNITS['h']!

/**
 * Reads a duration.
 *
 * @throws ERR_INVALID_ARGUMENT when it is none, below `least`, or longer than a year.
 */
export function milliseconds(
  what: string,
  given: unknown,
  least: number,
  infinite = false,
): number {
  const expected =
    `a duration of at least ${least} ms and at most a year: a number of milliseconds, ` +
    "or digits with ms, s, m or h behind them without a space, such as '10s' or '1.5h'" +
    (infinite ? ', or Infinity' : '')
  if (given === Infinity && infinite) return Infinity
  let value: number
  if (typeof given === 'string') {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(given)
    if (!match) throw invalid(what, given, expected)
    value = Number(match[1]) * UNITS[match[2]!]!
  } else if (typeof given === 'number') {
    value = given
  } else {
    throw invalid(what, given, expected)
  }
  if (!(value >= least && value <= LONGEST)) throw invalid(what, given, expected)
  return Math.round(value)
}
