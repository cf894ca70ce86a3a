// Review S8: clients propose the ballots, and a node's own clock bounds them.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { Servers } from '../quorum/kit.js'

const DAY = 86_400_000

test.each([-3 * DAY, 3 * DAY, 300 * 365 * DAY])(
  'S8 (a, b): a client whose clock is off by %i ms has tokens by the clocks of the nodes',
  async (ahead) => {
    const w = new Servers(3)
    const { locks } = await w.started()
    const off = w.client({}, { ahead }).locks
    const first = await w.after(locks.mutex('a').acquire(), 1)
    await w.after(first.release(), 1)
    const second = await w.after(off.mutex('a').acquire(), 1)
    await w.after(second.release(), 1)
    const third = await w.after(locks.mutex('a').acquire(), 1)
    expect(second.fence).toBeGreaterThan(first.fence)
    expect(third.fence).toBeGreaterThan(second.fence)
    expect(third.fence - first.fence).toBeLessThan(60_000_000)
  },
)

test('S8 (a): where the fence keys have expired, a new token is larger than the old one', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('a').acquire(), 1)
  await w.after(lock.release(), 1)
  await w.advance(601_000)
  for (const { server } of w.nets) expect(server.keys()).not.toContain(keysOf('a', 'lock:')[1])
  const late = w.client({}, { ahead: -3 * DAY }).locks
  expect((await w.after(late.mutex('a').acquire(), 1)).fence).toBeGreaterThan(lock.fence)
})

test('S8 (b): one server whose clock is far ahead stops nobody, and is followed by nobody', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  w.steps[2] = DAY
  const other = w.client().locks
  for (const name of ['a', 'b', 'c']) {
    const fences: number[] = []
    for (const one of [locks, other, locks]) {
      const lock = await w.after(one.mutex(name).acquire(), 1500)
      fences.push(lock.fence)
      await w.after(lock.release(), 10)
    }
    expect(fences).toEqual(fences.toSorted((a, b) => a - b))
    expect(fences[2]! - fences[0]!).toBeLessThan(60_000_000)
  }
})
