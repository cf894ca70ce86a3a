// What is read as a duration, and what is said of what is not.
import { expect, test } from 'vitest'
import { milliseconds } from '../../src/base/duration.js'

test.each([
  [250, 250],
  ['250ms', 250],
  ['10s', 10_000],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['1h', 3_600_000],
])('%s is %s ms', (given, ms) => {
  expect(milliseconds('ttl', given, 1)).toBe(ms)
})

test.each(['10 s', '.5s', '1e3ms', '-5s', '10', '10S', '5min', '', ' 10s'])(
  '%j is refused, with what would be right',
  (given) => {
    expect(() => milliseconds('ttl', given, 1)).toThrow(
      `ttl: expected a duration of at least 1 ms and at most a year: a number of milliseconds, or digits with ms, s, m or h behind them without a space, such as '10s' or '1.5h', but got ${JSON.stringify(given)}`,
    )
  },
)
