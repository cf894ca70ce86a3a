// A tenure that ends earlier than whoever waits was told: the first in line hears of it.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

test('whoever waits comes in when holdAtLeast is over, and not when the lease would be', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('a', { holdAtLeast: 1000 }).acquire(), 1)
  const next = w.watch(w.client().locks.mutex('a').acquire())
  await w.advance(100)
  expect(await w.after(lock.release(), 1)).toMatchObject({ released: true })
  await w.advance(800)
  expect(next.state).toBe('pending')
  await w.advance(200)
  expect(next.state).toBe('done')
  await w.after(next.value.release())
  expect(w.left()).toEqual([])
})

test('a writer behind two readers hears that the one with the longer lease has let go', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const reader = locks.readWrite('r', { renew: false })
  const long = await w.after(reader.read().acquire(), 1)
  const short = await w.after(reader.read().acquire({ ttl: 2000 }), 1)
  const writer = w.watch(w.client().locks.readWrite('r').write().acquire())
  await w.advance(100)
  await w.after(long.release(), 1)
  await w.advance(2000)
  expect([short.isHeld, writer.state]).toEqual([false, 'done'])
  await w.after(writer.value.release())
})
