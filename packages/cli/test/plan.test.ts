import { describe, expect, test } from 'vitest'
import { milliseconds, planOf } from '../src/run/plan.js'

describe('when a command is stopped', () => {
  test.each([300, 1000, 2000, 10_000, 30_000, 60_000, 3_600_000])(
    'with a ttl of %i ms: not before renewals have had their time, and all of it before the end',
    (ttl) => {
      for (const asked of [0, 100, 5000, 1e9]) {
        const { margin, lead, grace, cutFrom } = planOf(ttl, asked, Infinity)
        expect(margin + lead + grace).toBeLessThanOrEqual(ttl / 2)
        expect(Math.min(margin, lead)).toBeGreaterThan(0)
        // What the library takes for a margin at most.
        expect(margin).toBeLessThanOrEqual(ttl / 4)
        expect(cutFrom).toBe(grace === asked ? null : asked)
        expect(grace).toBeGreaterThanOrEqual(Math.min(asked, ttl / 3))
      }
    },
  )

  test('the defaults are as they are', () => {
    expect(planOf(30_000, 5000, Infinity)).toMatchObject({
      grace: 5000,
      cutFrom: null,
      margin: 1500,
    })
  })

  test('durations are read as they are written', () => {
    expect([1500, '250ms', '1.5s', '2m', '1h'].map((one) => milliseconds(one as '1s'))).toEqual([
      1500, 250, 1500, 120_000, 3_600_000,
    ])
  })
})
