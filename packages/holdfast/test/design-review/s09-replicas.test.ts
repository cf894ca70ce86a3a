// S9: a grant by hand-over must not walk round the acknowledgement of replicas.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'

test('S9: a pushed grant counts only after the own renewal of its waiter, with replicas', async () => {
  const w = new World()
  const [a, b] = [w.client({}, { replicas: 1 }), w.client({}, { replicas: 1 })]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  const renewal = w.net.hold('request', 'renew', { of: b })
  void held.release()
  await w.advance()
  // The server has made it the holder, and said so; no replica needs to know.
  expect(w.holder('x')).not.toBe(null)
  expect(renewal.count).toBe(1)
  expect(wait.state).toBe('pending')
  const waits = b.port.waits
  renewal.release()
  await w.advance()
  expect(wait.value.replicas).toBe(1)
  expect(b.port.waits).toBe(waits)
})

test('S9: a pushed grant that no replica has is given back, and goes on to the next', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client({}, { replicas: 1 }), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: 5000 }))
  await w.advance()
  const next = w.watch(c.locks.mutex('x').acquire())
  await w.advance()
  b.port.acknowledges = 0
  void held.release()
  await w.advance(249)
  expect([wait.state, next.state]).toEqual(['pending', 'pending'])
  await w.advance(2)
  expect([wait.state, next.state]).toEqual(['pending', 'done'])
  expect(w.line('x')).toHaveLength(1)
  // Its second turn comes when replicas are back.
  b.port.acknowledges = 1
  void next.value.release()
  await w.advance(1)
  expect(wait.value.replicas).toBe(1)
  expect(wait.value.fence).toBeGreaterThan(next.value.fence)
  void wait.value.release()
  await w.advance()
  expect(w.left()).toEqual([])
})
