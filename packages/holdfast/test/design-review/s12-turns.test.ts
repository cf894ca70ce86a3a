// Review S12: every turn takes a ballot of its own (its block of tokens is what lies before the next), and can be repaired by it.
import { expect, test } from 'vitest'
import { Servers } from '../quorum/kit.js'

test('S12: the tokens of turns grow, between those before and after them', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client().locks
  const first = await w.after(locks.mutex('a').acquire(), 1)
  const second = await w.after(other.takeOver(await w.after(first.handOver(), 1)), 1)
  const third = await w.after(second.downgrade(), 1)
  await w.after(third.release(), 1)
  const fourth = await w.after(locks.mutex('a').acquire(), 1)
  const fences = [first, second, third, fourth].map(({ fence }) => fence)
  expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b))
  await w.after(fourth.release(), 1)
  expect(w.left()).toEqual([])
})

test('S12: after a turn a node that had lost the name is repaired, and then another may go', async () => {
  const w = new Servers(3)
  const { locks } = await w.started({ quarantine: 12_000 })
  const first = await w.after(locks.mutex('a').acquire(), 1)
  // The third node hears of neither the turn nor of its end.
  const ends = w.nets[2]!.silence()
  const other = w.client({ quarantine: 12_000 }).locks
  const lock = await w.after(other.takeOver(await w.after(first.handOver(), 1000)), 1000)
  await w.advance(12_000)
  ends()
  await w.advance(5000)
  expect(w.holders('a')).toEqual([lock.owner, lock.owner, lock.owner])
  w.server(0).restart()
  await w.advance(10_000)
  expect(lock.isHeld).toBe(true)
  await w.advance(10_000)
  expect(w.holders('a')).toEqual([lock.owner, lock.owner, lock.owner])
  await w.after(lock.release(), 10)
  expect(w.left()).toEqual([])
})
