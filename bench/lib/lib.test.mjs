// The arithmetic of the benchmarks. Nothing is timed.
import { describe, expect, test } from 'vitest'
import { judge, merge } from './judge.mjs'
import { encode, Parser } from './resp.mjs'
import { interleave } from './rounds.mjs'
import { median, quantile, ratios, spread } from './stats.mjs'
import { CommandCounter } from './wire.mjs'

test('medians, quantiles and spreads leave out what a round does not have', () => {
  expect(median([3, null, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(median([null])).toBe(null)
  expect([0.5, 0.99, 1, 0].map((part) => quantile([1, 2, 3, 4], part))).toEqual([2, 4, 4, 1])
  expect(spread([5, null, 1, 3])).toEqual({ median: 3, min: 1, max: 5, rounds: 3 })
  expect(spread([])).toBe(null)
})

test('a ratio is of one round, not of medians', () => {
  const [slow, fast] = [
    [10, 1, null, 8],
    [20, 2, 5, 0],
  ]
  expect(ratios(slow, fast)).toEqual([0.5, 0.5, null, null])
})

/** @param {[who: number, asked: number, granted: number, ended: number][]} list */
const record = (waiters, list) => {
  const column = (i) => list.map((turn) => turn[i])
  return {
    waiters,
    turns: { who: column(0), asked: column(1), granted: column(2), ended: column(3) },
  }
}
const whole = { from: 0, until: 1000 }

describe('judge', () => {
  test('times of hand-overs, and the rate of what was granted in the window', () => {
    const turns = record(3, [
      [0, 0, 10, 20],
      [1, 0, 23, 30],
      [2, 0, 35, 40],
    ])
    const { grants, perSecond, p50, p99, violations, unserved } = judge(turns, {
      from: 0,
      until: 30,
    })
    expect({ grants, p50, p99, violations, unserved }).toEqual({
      grants: 2,
      p50: 3,
      p99: 3,
      violations: 0,
      unserved: 1,
    })
    expect(perSecond).toBeCloseTo(66.7, 1)
  })

  test('two at one time are a violation, also when one lasts over several others', () => {
    const one = record(2, [
      [0, 0, 10, 20],
      [1, 0, 19.9, 25],
    ])
    expect(judge(one, whole).violations).toBe(1)
    const long = record(3, [
      [0, 0, 10, 50],
      [1, 0, 20, 22],
      [2, 0, 30, 32],
    ])
    expect(judge(long, whole).violations).toBe(2)
  })

  test('who is passed over, how often, and when that begins anew', () => {
    // 1 asks first and is passed over twice, is served, and once more. Its very first wait does not count.
    const turns = record(2, [
      [0, 0.1, 0.2, 0.3],
      [1, 0, 0.4, 0.5],
      [0, 5, 10, 11],
      [0, 11, 12, 13],
      [1, 1, 14, 15],
      [0, 17, 18, 19],
      [1, 16, 20, 21],
    ])
    const { outOfOrder, passed } = judge(turns, whole)
    expect([outOfOrder, passed]).toEqual([4 / 7, 2])
    const fair = record(2, [
      [0, 1, 10, 11],
      [1, 2, 12, 13],
      [0, 11, 14, 15],
    ])
    expect(judge(fair, whole)).toMatchObject({ outOfOrder: 0, passed: 0 })
  })

  test('the records of processes are one record, with waiters of their own', () => {
    const both = merge([record(2, [[1, 0, 10, 20]]), record(1, [[0, 0, 15, 25]])])
    expect(both.waiters).toBe(3)
    expect(both.turns.who).toEqual([1, 2])
    expect(judge(both, whole)).toMatchObject({ violations: 1, unserved: 1 })
  })
})

describe('the wire', () => {
  test('commands are counted whatever the pieces in which they are written', () => {
    const text = encode(['SET', 'a\r\n*1', 'x'.repeat(30)]) + encode(['PING']) + 'PING\r\n'
    for (const size of [1, 3, 7, text.length]) {
      const counter = new CommandCounter()
      for (let at = 0; at < text.length; at += size) {
        counter.feed(Buffer.from(text.slice(at, at + size)))
      }
      expect(counter.commands).toBe(3)
    }
  })

  test('replies and pushes are read in any pieces', () => {
    const text =
      '+OK\r\n:12\r\n$-1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\n\r\n\r\n*2\r\n$1\r\na\r\n_\r\n'
    for (const size of [1, 2, 5, text.length]) {
      const [replies, pushes] = [[], []]
      const parser = new Parser(
        (value) => replies.push(value),
        (value) => pushes.push(value),
      )
      for (let at = 0; at < text.length; at += size) parser.feed(text.slice(at, at + size))
      expect(replies).toEqual(['OK', 12, null, ['a', null]])
      expect(pushes).toEqual([['message', 'c', '\r\n']])
    }
  })
})

describe('rounds', () => {
  const bench = (over) => ({ missing: () => null, late: () => false, over, note() {} })
  const subjects = ['a', 'b', 'c'].map((id) => ({ id }))

  test('take turns, each beginning with another subject', async () => {
    const order = []
    const slice = async ({ id }) => ({ n: order.push(id) })
    const rows = await interleave(
      bench(() => false),
      subjects,
      { rounds: 2, slice },
    )
    expect(order.join('')).toBe('abcbca')
    expect(rows.map(({ rounds }) => rounds)).toEqual([
      [{ n: 1 }, { n: 6 }],
      [{ n: 2 }, { n: 4 }],
      [{ n: 3 }, { n: 5 }],
    ])
  })

  test('one that fails is begun again, and after two failures left out; the others go on', async () => {
    const begun = []
    const slice = async ({ id }) => {
      if (id === 'b') throw new Error('it hangs')
      return {}
    }
    const begin = async ({ id }) => void begun.push(id)
    const rows = await interleave(
      bench(() => false),
      subjects,
      { rounds: 4, slice, begin },
    )
    expect(begun.join('')).toBe('abcb')
    expect(rows.map(({ rounds, errors }) => [rounds.filter(Boolean).length, errors])).toEqual([
      [4, []],
      [0, ['it hangs']],
      [4, []],
    ])
  })

  test('when the time is over, the first round is still complete', async () => {
    const rows = await interleave(
      bench(() => true),
      subjects,
      { rounds: 3, slice: async () => ({}) },
    )
    expect(rows.map(({ rounds }) => rounds)).toEqual([[{}], [{}], [{}]])
  })

  test('when the whole run is late nothing more is begun, which is said once', async () => {
    const notes = []
    let slices = 0
    const late = {
      ...bench(() => true),
      late: () => slices === 2,
      note: (text) => notes.push(text),
    }
    const slice = async () => ({ n: ++slices })
    const rows = await interleave(late, subjects, { rounds: 2, slice, extra: slice })
    expect(rows.map(({ rounds, extra }) => [rounds, extra])).toEqual([
      [[{ n: 1 }], null],
      [[{ n: 2 }], null],
      [[null], null],
    ])
    expect(notes).toHaveLength(1)
  })
})
