// The page says what the results say. Nothing is measured.
import { expect, test } from 'vitest'
import { page } from './page.mjs'
import { plots } from './plots.mjs'
import { judgeTargets } from './targets.mjs'
import { figure, withSpread } from './text.mjs'
import { short } from './svg.mjs'

const row = (subject, figures, more = {}) => ({
  subject,
  rounds: figures,
  extra: null,
  errors: [],
  skipped: null,
  ...more,
})
const rates = (...list) => list.map((perSecond) => ({ perSecond, p50: 1 / perSecond, failures: 0 }))
const subject = (id, kind, client = 'ioredis') => ({
  id,
  title: `title of ${id}`,
  kind,
  client,
  setup: 'as it is',
  documented: null,
  lacks: [],
})
const scenario = (id, measures, rows, more = {}) => ({
  id,
  title: `On ${id}`,
  measures,
  rows,
  notes: [],
  ...more,
})

const results = {
  version: 1,
  plan: 'full',
  whole: true,
  seconds: 700,
  violations: 0,
  machine: {
    date: '2026-11-26T10:20:30.000Z',
    node: 'v20',
    server: 'redis 7',
    cpu: 'c',
    cores: 2,
    load: 0.1,
    memoryGiB: 4,
    system: 's',
    versions: { ioredis: '5' },
  },
  subjects: [
    subject('holdfast', 'ours'),
    subject('holdfast-linger', 'ours'),
    subject('hand-ioredis', 'yardstick'),
    subject('redlock5', 'peer'),
  ],
  scenarios: {
    serial: scenario(
      'serial',
      'cycles',
      [
        row('hand-ioredis', rates(1000, 500)),
        // Slower in both rounds, by one half and not at all: no ratio of medians says so.
        row('holdfast', rates(500, 500), { extra: { commands: 2, bytes: 90, writes: 2 } }),
        row('holdfast-linger', [], { skipped: 'no such | option' }),
        row('redlock5', [null, null], { errors: ['it hangs'] }),
      ],
      { unit: 'cycles/s', base: 'hand-ioredis' },
    ),
    'growth-names': scenario(
      'growth-names',
      'growth',
      [10, 1000, 100_000].map((size) => row('holdfast', rates(size), { size })),
      { unit: 'locks/s', axis: 'names' },
    ),
  },
}

test('figures are medians with the least and the most, ratios those of each round', () => {
  const text = page(results, 'benchmarks')
  expect(text).toContain('| title of hand-ioredis | 750 [500–1,000] | 1 [1–1] |')
  expect(text).toContain('| title of holdfast | 500 [500–500] | 0.75 [0.5–1] |')
  expect(text).toContain('- title of holdfast-linger: not measured: no such | option')
  expect(text).toContain('- title of redlock5: it hangs')
  expect(text).not.toMatch(/undefined|NaN|\[object/)
  expect(text).toContain('srcset="benchmarks/serial-dark.svg"')
})

test('what makes figures worth less is said', () => {
  const words = [/quick run/, /A part of it/, /busy with other work/]
  const said = (more) => words.map((word) => word.test(page({ ...results, ...more }, 'b')))
  expect(said({})).toEqual([false, false, false])
  expect(said({ plan: 'quick' })).toEqual([true, false, false])
  expect(said({ whole: false })).toEqual([false, true, false])
  expect(said({ machine: { ...results.machine, load: 3 } })).toEqual([false, false, true])
})

test('targets: reached, missed, and not measured are told apart', () => {
  const judged = judgeTargets(results)
  const of = (words) => judged.find(({ what }) => what.startsWith(words))
  expect(of('Uncontended, one name')).toMatchObject({ value: 0.75, reached: false })
  expect(of('The same with `linger`')).toMatchObject({ value: null, reached: null })
  const fast = structuredClone(results)
  fast.scenarios.serial.rows[1].rounds = rates(960, 480)
  expect(judgeTargets(fast)[0]).toMatchObject({ reached: true })
  expect(page(fast, 'b')).toContain(`1 of ${judged.length} reached`)
  // None of them breaks where nothing was measured at all.
  const none = judgeTargets({ ...results, scenarios: {} })
  expect(none.every(({ reached }) => reached === null)).toBe(true)
})

test('plots: two of each, in which every subject with figures stands', () => {
  const drawn = plots(results)
  expect(drawn.map(({ file }) => file)).toEqual([
    'serial-light.svg',
    'serial-dark.svg',
    'growth-names-light.svg',
    'growth-names-dark.svg',
  ])
  const [light, dark] = drawn.map(({ text }) => text)
  expect(light).not.toBe(dark)
  expect(light.match(/<rect [^>]*height="14"/g)).toHaveLength(2)
  expect(light).toContain('>title of holdfast<')
  expect(light).not.toContain('title of redlock5')
  for (const { text } of drawn) expect(text).not.toMatch(/NaN|undefined|Infinity/)
})

test('a bar is as long as its figure', () => {
  const [{ text }] = plots(results)
  const [first, second] = [...text.matchAll(/<rect [^>]*width="([\d.]+)" height="14"/g)].map((m) =>
    Number(m[1]),
  )
  // Logarithmic, from 100 to 1,000.
  expect(first / second).toBeCloseTo(Math.log10(7.5) / Math.log10(5), 2)
})

test('figures are short and keep three digits', () => {
  expect([0, 0.01234, 0.5, 12.34, 123.4, 1234567, null, NaN].map(figure)).toEqual([
    '0',
    '0.0123',
    '0.5',
    '12.3',
    '123',
    '1,234,567',
    '–',
    '–',
  ])
  expect([999.96, 1500, 1_000_000, 12, 0.5].map(short)).toEqual([
    '1 k',
    '1.5 k',
    '1 M',
    '12',
    '0.5',
  ])
  expect(withSpread([2048], 1 / 1024)).toBe('2')
})
