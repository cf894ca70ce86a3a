// Review S5: a waiter's place (its ticket) and its ballot are two numbers.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { Servers } from '../quorum/kit.js'

test('S5: votes split one to each node come together, in one round more', async () => {
  const w = new Servers(3)
  await w.started()
  const clients = [w.client(), w.client(), w.client()]
  // Each is first at a node of its own.
  clients.forEach(({ ports }, i) => {
    w.nets.forEach((net, node) => {
      net.delay('request', 'q_acquire', node === i ? 1 : 5, { of: { port: ports[node]! } })
    })
  })
  let inside = 0
  const fences: number[] = []
  const all = w.watch(
    Promise.all(
      clients.map(({ locks }) =>
        locks.mutex('a').use(({ fence }) => {
          expect(++inside).toBe(1)
          fences.push(fence)
          inside--
        }),
      ),
    ),
  )
  await w.advance(1500)
  expect([all.state, fences.length]).toEqual(['done', 3])
  expect(fences).toEqual(fences.toSorted((a, b) => a - b))
  await w.advance(3000)
  expect(w.left()).toEqual([])
})

test('S5: a stale ballot does not block the head of the line, and its ticket stays', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('a').acquire(), 1)
  const [first, second, high] = [w.client(), w.client(), w.client()]
  const waits = []
  for (const one of [first, second]) {
    waits.push(w.watch(one.locks.mutex('a').acquire()))
    await w.advance(20)
  }
  // Others raise the ballots of all nodes far above those that the two asked with.
  for (let i = 0; i < 5; i++) await w.after(high.locks.mutex('a').tryAcquire(), 1)
  const keys = keysOf('a', 'lock:')
  const line = (node: number): readonly unknown[] => {
    const zset = w.server(node).space.zset(keys[2])
    return zset.slice(0, zset.size)
  }
  const before = [0, 1, 2].map(line)
  expect(before[1]).toEqual(before[0])
  await w.after(lock.release(), 20)
  expect(waits.map(({ state }) => state)).toEqual(['done', 'pending'])
  expect(waits[0]!.value.fence).toBeGreaterThan(lock.fence)
  expect([0, 1, 2].map(line)).toEqual(before.map((all) => all.slice(1)))
  await w.after(waits[0]!.value.release(), 20)
  expect(waits[1]!.state).toBe('done')
})
