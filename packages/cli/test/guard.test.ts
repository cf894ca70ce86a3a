// When a command whose end is forced gets SIGKILL: by a clock of our own.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Ended } from '../src/run/child.js'
import { Guard } from '../src/run/guard.js'
import { planOf } from '../src/run/plan.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A command that ignores signals, under a lease of 10 s of which so much is left. */
function guarded(left: number): {
  readonly told: string[]
  readonly lose: (reason: string) => void
} {
  const told: string[] = []
  const end = performance.now() + left
  const lost = new AbortController()
  const lock = {
    name: 'x',
    signal: lost.signal,
    revoked: new AbortController().signal,
    get validFor() {
      return lost.signal.aborted ? 0 : Math.max(0, end - performance.now())
    },
  }
  let die: (ended: Ended) => void
  const ended = new Promise<Ended>((resolve) => (die = resolve))
  const at = (what: string): void =>
    void told.push(`${what} ${Math.round(end - performance.now())}`)
  const child = {
    pid: 1,
    ended,
    alive: false,
    forward: () => undefined,
    stop: (signal: string) => at(signal),
    kill: () => {
      at('SIGKILL')
      die({ code: null, signal: 'SIGKILL' })
    },
  }
  const teller = { tell: () => undefined, warn: () => undefined }
  const plan = planOf(10_000, 3000, Infinity)
  expect(plan).toMatchObject({ grace: 3000, lead: 250 })
  const guard = new Guard({ lock, child, plan, onLost: 'kill', signal: 'SIGTERM', teller })
  void guard.untilEnd()
  return { told, lose: (reason) => lost.abort(Object.assign(new Error(reason), { reason })) }
}

test.each([
  // The whole grace, where there is time for it.
  ['forced', 9000, ['SIGTERM 9000', 'SIGKILL 6000']],
  // Else what is left of the lease: nobody else has it before.
  ['forced', 3300, ['SIGTERM 3250', 'SIGKILL 250']],
  // Of what was taken away nothing is left, and nobody waits.
  ['gone', 9000, ['SIGTERM 9000', 'SIGKILL 6000']],
  ['expired', 9000, ['SIGTERM 9000', 'SIGKILL 9000']],
])('%s with %i ms left', async (reason, left, told) => {
  const one = guarded(left)
  if (left < 4000) await vi.advanceTimersByTimeAsync(50)
  one.lose(reason)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(one.told).toEqual(told)
})

test('a machine that slept has no time left', async () => {
  const one = guarded(9000)
  one.lose('forced')
  vi.setSystemTime(Date.now() + 60_000)
  await vi.advanceTimersByTimeAsync(1000)
  expect(one.told.at(-1)).toBe('SIGKILL 8000')
})
