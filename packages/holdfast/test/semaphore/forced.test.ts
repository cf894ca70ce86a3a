// Holders of permits whose end somebody asked for: all are counted, and nothing is free meanwhile.
import { expect, test } from 'vitest'
import { ownerId, World } from '../kit/world.js'

/** So many holders of x, by bare calls of the kernel. */
function crowd(w: World, count: number, permits: number): readonly string[] {
  const owners = Array.from({ length: count }, (_, i) => ownerId(1000, i + 1))
  const ask = { mode: 'p', permits, limit: count * permits, ttl: 60_000 } as const
  for (const owner of owners) expect(w.ask('x', owner, ask)[0]).toBe('granted')
  return owners
}

test('while the holders are asked to go no permit is available', async () => {
  const w = new World()
  const [a, admin] = [w.client(), w.client()]
  const semaphore = a.locks.semaphore('x', { limit: 5 })
  const held = await semaphore.acquire({ permits: 2 })
  expect(await semaphore.available()).toMatchObject({ used: 2, available: 3 })
  await admin.locks.forceRelease('x')
  expect(await semaphore.available()).toEqual({ limit: 5, used: 2, available: 0, waiting: 0 })
  expect(await semaphore.resize(7)).toEqual({ limit: 7, used: 2, available: 0, waiting: 0 })
  expect(await admin.locks.semaphore('x', { limit: 7 }).tryAcquire()).toBeNull()
  await held.release()
  expect(await semaphore.available()).toMatchObject({ used: 0, available: 7 })
  const next = await semaphore.acquire()
  expect(await semaphore.available()).toMatchObject({ used: 1, available: 6 })
  await next.release()
  expect(w.left()).toEqual([])
})

test('nor when those who were asked died, until their leases are over', async () => {
  const w = new World()
  const [a, admin] = [w.client(), w.client()]
  await a.locks.semaphore('x', { limit: 5, ttl: '10s', renew: false }).acquire()
  await admin.locks.forceRelease('x')
  a.clock.freeze('stopped')
  const semaphore = admin.locks.semaphore('x', { limit: 5 })
  await w.advance(9000)
  expect(await semaphore.available()).toMatchObject({ used: 1, available: 0 })
  await w.advance(1001)
  expect(await semaphore.available()).toMatchObject({ used: 0, available: 5 })
})

test('200 holders: all are asked and counted, also those whom no message told', async () => {
  const w = new World()
  const owners = crowd(w, 200, 3)
  const [admin] = [w.client()]
  expect(await admin.locks.forceRelease('x')).toMatchObject({ freed: false, asked: 200 })
  expect(owners.map((owner) => w.renew('x', owner)[0])).toEqual(owners.map(() => 'forced'))
})

test('200 holders with { now }: none is left, 64 a call', async () => {
  const w = new World()
  const owners = crowd(w, 200, 3)
  const [admin, b] = [w.client(), w.client()]
  const wait = w.watch(b.locks.semaphore('x', { limit: 600 }).acquire({ permits: 600 }))
  await w.advance(5)
  const before = w.net.count('force')
  const result = await admin.locks.forceRelease('x', { now: true })
  expect(result).toEqual({ freed: true, asked: 200, remaining: 0 })
  expect(w.net.count('force') - before).toBe(4)
  await w.advance()
  expect(wait.state).toBe('done')
  for (const owner of owners) expect(w.renew('x', owner)[0]).toBe('gone')
  await wait.value.release()
  expect(w.left()).toEqual([])
})

test('12 holders of 1000 permits: { now } goes on past the 10,000 that one look counts', async () => {
  const w = new World()
  crowd(w, 12, 1000)
  const admin = w.client()
  const before = w.net.count('force')
  const result = await admin.locks.forceRelease('x', { now: true })
  expect(result).toEqual({ freed: true, asked: 12, remaining: 0 })
  expect(w.net.count('force') - before).toBe(2)
  expect(w.left()).toEqual([])
})
