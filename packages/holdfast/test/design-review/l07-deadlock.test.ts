// Review L7: edges run between contexts and carry the id of the wait; a process is no owner.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'
import { states } from '../deadlock/kit.js'

const forever = { wait: Infinity }

test('L7: two contexts of one process are two owners: no false circle through it', async () => {
  const w = new World()
  const [p, q] = [w.client().locks, w.client().locks]
  const running = gate()
  // P.b holds z, and runs. Q.c holds y and waits for z. P.a holds x and waits for y.
  const b = w.watch(p.mutex('z').use(() => running.opened))
  await w.advance(10)
  const c = w.watch(q.mutex('y').use(() => q.mutex('z', forever).use(() => 'c')))
  await w.advance(10)
  const a = w.watch(p.mutex('x').use(() => p.mutex('y', forever).use(() => 'a')))
  await w.advance(60_000)
  expect(states([a, b, c])).toBe('pending pending pending')
  // They looked: it is not for want of edges.
  expect(w.net.count('edge')).toBeGreaterThan(5)
  running.open()
  await w.advance(10)
  expect(states([a, b, c])).toBe('done done done')
})

test('L7: a circle of two contexts of one process is seen', async () => {
  const w = new World()
  const { locks } = w.client()
  const start = gate()
  const one = (own: string, other: string): Promise<string> =>
    locks.mutex(own).use(async () => {
      await start.opened
      return locks.mutex(other, forever).use(() => 'both')
    })
  const calls = [w.watch(one('x', 'y')), w.watch(one('y', 'x'))]
  await w.advance(10)
  start.open()
  await w.advance(3000)
  expect(states(calls)).toBe('done ERR_DEADLOCK')
})

test('L7: the same names, but other waits each time, are no deadlock', async () => {
  const w = new World()
  const [a, b] = [w.client().locks, w.client().locks]
  const start = gate()
  const two = w.watch(
    b.mutex('y').use(async () => {
      await start.opened
      return b.mutex('x', { wait: 60_000 }).use(() => 'both')
    }),
  )
  await w.advance(10)
  let tries = 0
  const one = w.watch(
    a.mutex('x').use(async () => {
      // Each of its waits is noted, and part of the circle; each ends before it could be seen twice.
      while (tries++ < 20) {
        await a
          .mutex('y')
          .acquire({ wait: 1650 })
          .catch(() => {})
      }
      return 'gave up'
    }),
  )
  await w.advance(10)
  start.open()
  await w.advance(50_000)
  expect([one.value, two.value]).toEqual(['gave up', 'both'])
})
