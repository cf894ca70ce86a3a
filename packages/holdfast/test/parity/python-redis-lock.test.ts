// docs/parity.md, python-redis-lock: each test is a row of its table.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'
import { refusal, two } from './kit.js'

test('Lock(redis_client, name)', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  // Its prefix is the same.
  w.server.keys()
  expect(w.server.space.get('lock:x')).toBe(lock.owner)
})

test('expire', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: '60s', renew: false }).acquire()
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(60_000)
  await w.advance(60_000)
  expect(lock.isHeld).toBe(false)
})

test('auto_renewal', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: '10s' }).acquire()
  await w.advance(60_000)
  expect([lock.isHeld, w.net.count('renew')]).toEqual([true, 18])
})

test('signal_expire', async () => {
  const { w, a, b } = two()
  const held = await a.mutex('x').acquire()
  w.watch(b.mutex('x').acquire())
  await w.advance()
  await held.release()
  // No list that somebody has to empty: the release itself made the next one the holder.
  expect(w.left().toSorted()).toEqual(['lock:x'])
})

test('blocking=False, acquire(blocking=False)', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  expect(await b.mutex('x').tryAcquire()).toBeNull()
  expect(await b.mutex('x').tryUse(() => 1)).toEqual({ ran: false })
})

test('lock.acquire(timeout=n)', async () => {
  const { w, a, b } = two()
  await a.mutex('x', { ttl: '10s' }).acquire()
  // It may be longer than the lease.
  const wait = w.watch(b.mutex('x').acquire({ wait: '30s' }))
  await w.advance(30_050)
  expect(wait).toMatchObject({ at: 30_000, error: { code: 'ERR_TIMEOUT' } })
})

test('lock.release()', async () => {
  const { a } = two()
  expect(await (await a.mutex('x').acquire()).release()).toEqual({ released: true })
})

test('lock.extend(expire)', async () => {
  const { a } = two()
  const lock = await a.mutex('x').acquire()
  await lock.extend('30s')
  expect((await a.inspect('x')).holders[0]!.remaining).toBe(30_000)
})

test('lock.reset()', async () => {
  const { w, a, b } = two()
  await a.mutex('x').acquire()
  expect(await b.forceRelease('x', { now: true })).toMatchObject({ freed: true })
  expect(w.holder('x')).toBeNull()
})

test('reset_all(redis_client)', async () => {
  const { w, a, b } = two()
  for (const name of ['x', 'y', 'z']) await a.mutex(name).acquire()
  for await (const { name } of b.list()) await b.forceRelease(name, { now: true })
  expect(['x', 'y', 'z'].map((name) => w.holder(name))).toEqual([null, null, null])
})

test('lock.id', async () => {
  const { w, a } = two()
  expect((await a.mutex('x').acquire()).owner).toBe(w.holder('x'))
})

test('lock.get_owner_id()', async () => {
  const { a, b } = two()
  const { owner } = await a.mutex('x').acquire()
  expect((await b.inspect('x')).holders[0]?.owner).toBe(owner)
})

test('lock.locked()', async () => {
  const { a, b } = two()
  await a.mutex('x').acquire()
  expect((await b.inspect('x')).holderCount > 0).toBe(true)
  expect((await b.inspect('y')).holderCount > 0).toBe(false)
})

test('with Lock(...):', async () => {
  const { w, a } = two()
  expect(await a.mutex('x').use(() => 'done')).toBe('done')
  expect(w.left()).toEqual([])
})

test('AlreadyAcquired', async () => {
  const { a } = two()
  const mutex = a.mutex('x')
  const inner = await mutex.use(() => refusal(mutex.acquire()))
  expect(inner).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'x' })
})

test('NotAcquired', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x', { ttl: 1000, renew: false }).acquire()
  await w.advance(1000)
  expect(await refusal(lock.extend(1000))).toMatchObject({ code: 'ERR_LOST' })
  expect(await lock.release()).toEqual({ released: false, reason: 'lost' })
})

test('AlreadyStarted', async () => {
  const { w, a } = two()
  const lock = await a.mutex('x').acquire()
  // One renewal, whatever is called meanwhile.
  await Promise.all([lock.extend('10s'), lock.verify()])
  w.net.log.length = 0
  await w.advance(10_000)
  expect(w.net.count('renew')).toBe(3)
})

test('InvalidTimeout, TimeoutNotUsable', async () => {
  const { a } = two()
  for (const wait of [-1, NaN, 'soon'] as never[]) {
    expect(await refusal(a.mutex('x').acquire({ wait }))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    })
  }
  const both = { wait: 5 } as object
  expect(await refusal(a.mutex('x').tryAcquire(both))).toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  })
})

test('NotExpirable', async () => {
  const w = new World()
  const { locks } = w.client()
  // A lock of ours has an expiry always; another library's may have none.
  w.server.space.set('lock:x', 'theirs', null)
  expect((await locks.inspect('x')).holders[0]).toMatchObject({ mode: 'foreign', remaining: null })
})

test('Lock(redis_client, name, id=id)', async () => {
  const { w, a, b } = two()
  const lock = await a.mutex('x').acquire()
  const token = await lock.handOver()
  const there = await b.takeOver(token)
  expect([lock.isHeld, there.isHeld, there.fence > lock.fence]).toEqual([false, true, true])
  expect(w.holder('x')).toBe(there.owner)
})
