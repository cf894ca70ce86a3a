import { describe, expect, it } from 'vitest'
import { href, lockHref, parse } from '../../ui/lib/route.js'
import { pageFor, reachable, rowsInView, unused } from '../../ui/lib/window.js'
import { binsOf } from '../../ui/parts/histogram.js'

describe('the rows of a long table', () => {
  it('are those in view, and some on both sides', () => {
    const top = rowsInView({ top: 0, height: 400, total: 10_000 }, 40)
    expect(top).toEqual({ first: 0, end: 22 })
    const middle = rowsInView({ top: 4000, height: 400, total: 10_000 }, 40)
    expect(middle).toEqual({ first: 88, end: 122 })
  })

  it('end with the table, also where it became shorter than what was scrolled', () => {
    expect(rowsInView({ top: 399_600, height: 400, total: 10_000 }, 40).end).toBe(10_000)
    expect(rowsInView({ top: 4000, height: 400, total: 3 }, 40)).toEqual({ first: 3, end: 3 })
    expect(rowsInView({ top: 0, height: 400, total: 0 }, 40)).toEqual({ first: 0, end: 0 })
  })

  it('are asked for in steps that cover them, at most as many as the server gives', () => {
    for (let top = 0; top < 20_000; top += 333) {
      const view = rowsInView({ top, height: 900, total: 10_000 }, 37)
      const { offset, limit } = pageFor(view)
      expect(offset % 50).toBe(0)
      expect(offset).toBeLessThanOrEqual(view.first)
      expect(offset + limit).toBeGreaterThanOrEqual(view.end)
      expect(limit).toBeLessThanOrEqual(150)
    }
    expect(pageFor({ first: 0, end: 9000 }).limit).toBe(500)
    expect(pageFor({ first: 7, end: 7 })).toEqual({ offset: 0, limit: 50 })
  })

  it('stay below what browsers can scroll', () => {
    expect(reachable(10_000, 37)).toBe(10_000)
    expect(reachable(10_000_000, 40)).toBe(375_000)
  })
})

describe('what plots leave out', () => {
  const none: (number | null)[] = Array.from({ length: 60 }, () => null)
  const zero = Array.from({ length: 60 }, () => 0)
  const empty = { p50: none, p95: none, p99: none }
  const series = { step: 1, from: 0, wait: empty, hold: empty, handover: empty }
  const heldFrom = (i: number) => {
    const held = zero.with(i, 3)
    return unused({ ...series, held, waitingCount: zero })
  }

  it('is the time before anything was there, but for one moment', () => {
    expect([heldFrom(0), heldFrom(1), heldFrom(10)]).toEqual([0, 0, 9])
    const hold = { ...empty, p50: none.with(5, 7) }
    expect(unused({ ...series, hold, held: zero, waitingCount: zero })).toBe(4)
  })

  it('leaves ten moments, and all where there is nothing', () => {
    expect(heldFrom(59)).toBe(50)
    expect(unused({ ...series, held: zero, waitingCount: zero })).toBe(0)
    expect(unused({ ...series, held: [1, 2], waitingCount: [0, 0] })).toBe(0)
  })
})

describe('addresses', () => {
  it('are read as they were written', () => {
    const name = '<a b="c">&#?%/é🔒+ \u202E'
    expect(parse(lockHref(name))).toEqual({ page: 'lock', params: { name } })
    expect(parse(href('locks', { filter: 'a*?b', sort: undefined }))).toEqual({
      page: 'locks',
      params: { filter: 'a*?b' },
    })
  })

  it('that nobody wrote lead to the overview', () => {
    for (const hash of [
      '',
      '#',
      '#/',
      '#/nowhere?x=1',
      '#/lock',
      '#/__proto__',
      '#/lock?names=1',
    ]) {
      expect(parse(hash)).toEqual({ page: 'overview', params: {} })
    }
  })
})

describe('bins', () => {
  it('go from the first with anything to the last, and one more is above all bounds', () => {
    const bins = binsOf({ bounds: [1, 2, 5, 1000], counts: [0, 4, 0, 2, 1] })
    const said = bins.map(({ label, count }) => `${label}: ${count}`)
    expect(said).toEqual(['≤ 2ms: 4', '≤ 5ms: 0', '≤ 1s: 2', '> 1s: 1'])
    expect(bins.map(({ part }) => part)).toEqual([1, 0, 0.5, 0.25])
    expect(binsOf({ bounds: [1], counts: [0, 0] })).toEqual([])
  })
})
