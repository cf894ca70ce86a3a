import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../src/testing/index.js'

/** What it shows, as time that has passed. */
function shown(clock: ManualClock): { monotonic: number; wall: number; boot: number } {
  const wall = clock.wall() - new ManualClock().wall()
  return { monotonic: clock.monotonic(), wall, boot: clock.boot() }
}

test('time passes by a number of ms or a text', async () => {
  const clock = new ManualClock()
  let rang = 0
  clock.setTimer(() => rang++, 11_000)
  await clock.advance('10s')
  expect([clock.monotonic(), rang]).toEqual([10_000, 0])
  await clock.advance(1000)
  expect([clock.monotonic(), rang]).toEqual([11_000, 1])
  clock.block('1m')
  expect(shown(clock)).toEqual({ monotonic: 71_000, wall: 71_000, boot: 71_000 })
  clock.sleep('1h')
  expect(shown(clock)).toEqual({ monotonic: 71_000, wall: 3_671_000, boot: 3_671_000 })
  clock.step('5s')
  clock.step(-10_000)
  expect(shown(clock)).toEqual({ monotonic: 71_000, wall: 3_666_000, boot: 3_671_000 })
})

test('a part of a millisecond passes as it is', async () => {
  const clock = new ManualClock()
  await clock.advance(0)
  await clock.advance(0.25)
  expect(clock.monotonic()).toBe(0.25)
})

const NONSENSE = [undefined, null, NaN, Infinity, '11', '11 s', '-5s', '', 5n, {}]
const refused = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error

describe.each([...NONSENSE, -1])('what is no time, such as %s', (given) => {
  test('does not pass', async () => {
    const clock = new ManualClock()
    await expect(clock.advance(given as number)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^ms: expected a duration of at least 0 ms .*, but got /,
      ) as string,
    })
    expect(() => clock.block(given as number)).toThrow(refused)
    expect(() => clock.sleep(given as number)).toThrow(refused)
    expect(shown(clock)).toEqual({ monotonic: 0, wall: 0, boot: 0 })
  })
})

test.each(NONSENSE)('nor is the wall clock set by %s', (given) => {
  const clock = new ManualClock()
  expect(() => clock.step(given as number)).toThrow(refused)
  expect(shown(clock).wall).toBe(0)
})

test.each([
  { wal: 0 },
  { wall: '2030' },
  { wall: NaN },
  { seed: 'a' },
  { seed: Infinity },
  7,
  null,
])('nor is one made of %j', (options) => {
  expect(() => new ManualClock(options as object)).toThrow(refused)
})
