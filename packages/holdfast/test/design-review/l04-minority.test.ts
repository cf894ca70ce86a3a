// Review L4: a node that is free beside a majority that is held.
import { expect, test } from 'vitest'
import { Servers } from '../quorum/kit.js'

const quarantine = 12_000

/** A lock on two of three nodes; the third was restarted empty, may vote again, and four wait. */
async function minority() {
  const w = new Servers(3)
  const holder = await w.started({ quarantine })
  const lock = await w.after(holder.locks.mutex('a').acquire({ ttl: 10_000 }), 1)
  const clients = Array.from({ length: 4 }, () => w.client({ quarantine }))
  const waits = clients.map(({ locks }) => w.watch(locks.mutex('a').acquire({ wait: 120_000 })))
  w.server(2).restart()
  // The holder does not reach it.
  const ends = w.nets[2]!.drop('request', 'q_renew', { times: Infinity })
  await w.advance(quarantine + 3000)
  return { w, lock, waits, ends, clients }
}

test('L4: no carousel: those who wait do not take a minority in turns', async () => {
  const { w, lock, waits } = await minority()
  const before = w.count('q_acquire') + w.count('q_release')
  await w.advance(20_000)
  const asked = w.count('q_acquire') + w.count('q_release') - before
  expect(waits.every(({ state }) => state === 'pending')).toBe(true)
  expect(lock.isHeld).toBe(true)
  // Each may look again when the lease that it was told of should be over: three nodes, and a vote given back.
  expect(asked).toBeLessThanOrEqual(4 * 2 * (3 + 1))
})

test('L4: the holder takes the free node up again, and then another may lose its memory', async () => {
  const { w, lock, waits, ends } = await minority()
  ends()
  await w.advance(2 * 3334)
  expect(w.holders('a')).toEqual([lock.owner, lock.owner, lock.owner])
  w.server(0).restart()
  await w.advance(quarantine + 4000)
  expect(lock.isHeld).toBe(true)
  expect(w.holders('a')).toEqual([lock.owner, lock.owner, lock.owner])
  expect(waits.every(({ state }) => state === 'pending')).toBe(true)
  await w.after(lock.release(), 600)
  expect(waits.filter(({ state }) => state === 'done')).toHaveLength(1)
})
