// A fixed set of simulated runs, those that once failed, and the simulator itself: `npm run simulate` plays more.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { casesOf } from './cases.js'
import { Dice } from './dice.js'
import { regressions } from './regressions.js'
import { Report } from './report.js'
import { play, type Outcome } from './run.js'
import { Schedule } from './schedule.js'
import { scenarios } from './scenarios.js'

/** How many seeds; HOLDFAST_SEEDS plays more. */
const seeds = Number(process.env['HOLDFAST_SEEDS'] ?? 240)
const PART = 24

const hash = ({ events }: Outcome): string =>
  createHash('sha256').update(JSON.stringify(events)).digest('hex')

test.each(scenarios.map(({ name }) => name))(
  'the same seed takes the same course: %s',
  async (name) => {
    const one = await play(casesOf(7, undefined, name))
    // Something happens in between.
    await play(casesOf(8, undefined, name))
    const two = await play(casesOf(7, undefined, name))
    expect(hash(two)).toBe(hash(one))
    expect(one.tallies.get('acquisitions')).toBeGreaterThan(0)
    expect(hash(await play(casesOf(8, undefined, name)))).not.toBe(hash(one))
  },
)

test.each(regressions)(
  'it holds now: seed $seed of $scenario, $nodes nodes ($was)',
  async (one) => {
    const outcome = await play(casesOf(one.seed, one.nodes, one.scenario))
    expect(outcome.violations).toEqual([])
  },
)

const total = new Report(0)
const parts = Array.from({ length: Math.ceil(seeds / PART) }, (_, i) => i * PART + 1)

test.each(parts)(
  `seeds %i and the ${PART - 1} after it`,
  async (from) => {
    for (let seed = from; seed < from + PART; seed++) {
      const one = casesOf(seed)
      const outcome = await play(one)
      total.add(one, outcome)
      expect(Report.violationsOf(one, outcome)).toEqual([])
    }
  },
  120_000,
)

test('in these seeds everything came up', () => {
  const text = total.summary(1000).join('\n')
  const all = new Set(scenarios.flatMap(({ faults }) => Object.keys(faults)))
  for (const fault of all) expect(text).toMatch(new RegExp(`[ ,]${fault} [1-9]`))
  for (const call of [
    'acquire',
    'all',
    'use',
    'downgrade',
    'takeOver',
    'extend',
    'verify',
    'force now',
  ])
    expect(text).toMatch(new RegExp(`[ ,]${call} [1-9]`))
  for (const lost of ['request lost', 'reply lost', 'push lost', 'request doubled', 'request late'])
    expect(text).toMatch(new RegExp(`[ ,]${lost} [1-9]`))
  for (const { name } of scenarios) expect(text).toContain(`${name}, 1 `)
})

test('time jumps from one event to the next, in their order', async () => {
  const schedule = new Schedule()
  const dice = new Dice(1)
  const seen: number[] = []
  const due = Array.from({ length: 200 }, () => dice.between(0, 1000))
  for (const at of due) schedule.setTimer(() => seen.push(schedule.monotonic()), at)
  schedule.setTimer(() => seen.push(-1), 500).cancel()
  await schedule.run(600)
  expect(schedule.monotonic()).toBe(600)
  await schedule.run(1000)
  expect(seen).toEqual(due.toSorted((a, b) => a - b))
})

test('what follows from an event has come to rest before the next', async () => {
  const schedule = new Schedule()
  const seen: string[] = []
  const long = async (): Promise<void> => {
    for (let i = 0; i < 500; i++) await Promise.resolve()
    seen.push('first')
  }
  schedule.setTimer(() => void long(), 10)
  schedule.setTimer(() => seen.push('second'), 10)
  await schedule.run(10)
  expect(seen).toEqual(['first', 'second'])
})

test('what is done again and again without a pause is noticed', async () => {
  const schedule = new Schedule()
  const again = (): void => void schedule.setTimer(again, 0)
  again()
  await schedule.run(10)
  expect(schedule.stuck).toBe(true)
})
