// A name on several servers: who has a majority has it.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

test('one round trip takes it, one gives it back, and nothing is left', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('a').acquire())
  expect(w.count('q_acquire')).toBe(3)
  expect(w.holders('a')).toEqual([lock.owner, lock.owner, lock.owner])
  expect(lock.validFor).toBeGreaterThan(9000)
  expect(await w.after(lock.release())).toEqual({ released: true })
  expect(w.count('q_release')).toBe(3)
  expect(w.left()).toEqual([])
})

test('another does not get it meanwhile, and its token is larger afterwards', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client().locks
  const first = await w.after(locks.mutex('a').acquire())
  expect(await w.after(other.mutex('a').tryAcquire())).toBeNull()
  const second = w.watch(other.mutex('a').acquire())
  await w.advance(500)
  expect(second.state).toBe('pending')
  await w.after(first.release())
  expect(second.state).toBe('done')
  expect(second.value.fence).toBeGreaterThan(first.fence)
  await w.after(second.value.release())
  await w.advance(100)
  expect(w.left()).toEqual([])
})

test('every kind of lock', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client().locks
  const readers = await w.after(
    Promise.all([locks.readWrite('r').read().acquire(), other.readWrite('r').read().acquire()]),
  )
  expect(await w.after(locks.readWrite('r').write().tryAcquire())).toBeNull()
  const writer = w.watch(other.readWrite('r').write().acquire())
  await w.advance(100)
  for (const reader of readers) await w.after(reader.release())
  await w.advance(100)
  expect(writer.state).toBe('done')
  for (const reader of readers) expect(writer.value.fence).toBeGreaterThan(reader.fence)
  await w.after(writer.value.release())

  const permits = [locks, other, locks].map((one) => one.semaphore('s', { limit: 3 }))
  const [a, b] = await w.after(
    Promise.all([permits[0]!.acquire({ permits: 2 }), permits[1]!.acquire()]),
  )
  expect(await w.after(permits[2]!.tryAcquire())).toBeNull()
  expect(await w.after(permits[2]!.available())).toMatchObject({ limit: 3, used: 3, available: 0 })
  const third = w.watch(permits[2]!.acquire())
  await w.advance(100)
  await w.after(b!.release())
  await w.advance(100)
  expect(third.state).toBe('done')
  await w.after(Promise.all([a!.release(), third.value.release()]))

  const set = await w.after(locks.all(['x', 'y', locks.readWrite('z').read()]).acquire())
  expect(set.locks.map(({ name }) => name)).toEqual(['x', 'y', 'z'])
  expect(await w.after(other.mutex('y').tryAcquire())).toBeNull()
  await w.after(set.release())

  const turned = await w.after(locks.mutex('t').acquire())
  const token = await w.after(turned.handOver())
  const taken = await w.after(other.takeOver(token))
  expect(taken.fence).toBeGreaterThan(turned.fence)
  const reader = await w.after(taken.downgrade())
  expect(reader.fence).toBeGreaterThan(taken.fence)
  await w.after(reader.release())
  await w.advance(100)
  expect(w.left()).toEqual([])
})
