// Where two kinds of lock, or two features of one, meet.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'

test('a downgrade inside of a re-entrant use: a use after it takes the lock anew', async () => {
  const w = new World()
  const m = w.client().locks.mutex('x', { reentrant: true, wait: 1000 })
  const out = w.watch(
    m.use(async (lock) => {
      const reader = await lock.downgrade()
      await reader.release()
      return m.use(() => 'inside')
    }),
  )
  await w.advance(3000)
  expect(out.value).toBe('inside')
})

test('a downgrade of an owner: the owner takes the lock anew', async () => {
  const w = new World()
  const { locks } = w.client()
  const m = locks.mutex('x', { reentrant: true, wait: 1000 })
  const owner = locks.owner()
  const first = await m.acquire({ owner })
  await (await first.downgrade()).release()
  const again = await m.acquire({ owner })
  expect(again.isHeld).toBe(true)
  expect(w.holder('x')).toBe(again.owner)
})

test('a waiter that resize made impossible hears so, whatever its neighbour is told', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const few = { limit: 4, wait: Infinity }
  await a.locks.semaphore('x', { limit: 4, ttl: 60_000 }).acquire({ permits: 2 })
  await w.advance(1)
  const large = w.watch(b.locks.semaphore('x', few).acquire({ permits: 4 }))
  await w.advance(20)
  w.watch(b.locks.mutex('x').acquire({ wait: Infinity }))
  await w.advance(20)
  w.watch(a.locks.semaphore('x', few).resize(3))
  await w.advance(20)
  expect(large.error).toMatchObject({ code: 'ERR_CONFIG' })
})

/** A client that is subscribed, and one that asks. */
async function pair(): Promise<{ w: World; a: SimClient; admin: SimClient }> {
  const w = new World()
  const [a, admin] = [w.client(), w.client()]
  const held = await admin.locks.mutex('y').acquire()
  const wait = w.watch(a.locks.mutex('y').acquire())
  await w.advance(5)
  await held.release()
  await w.advance(5)
  await wait.value.release()
  await w.advance(5)
  return { w, a, admin }
}

const late = async (
  renew: boolean,
): Promise<{ out: Outcome<Lock>; w: World; admin: SimClient }> => {
  const { w, a, admin } = await pair()
  w.net.delay('reply', 'acquire', 20, { of: a })
  const out = w.watch(a.locks.mutex('x', { renew, ttl: 30_000 }).acquire())
  await w.advance(5)
  return { out, w, admin }
}

test.each([true, false])('a wish that overtakes the grant is told (renew: %s)', async (renew) => {
  const { out, w, admin } = await late(renew)
  expect(await admin.locks.revoke('x')).toEqual({ asked: 1 })
  await w.advance(100)
  expect(out.value.revoked.aborted).toBe(true)
  expect(out.value.isHeld).toBe(true)
})

test.each([true, false])('and so is a force (renew: %s)', async (renew) => {
  const { out, w, admin } = await late(renew)
  await admin.locks.forceRelease('x', { now: true })
  await w.advance(100)
  expect(out.value.isHeld).toBe(false)
})

test('a wish is told where a pushed grant is confirmed by a renewal', async () => {
  const { w, a, admin } = await pair()
  const held = await w.client().locks.mutex('x').acquire()
  const mutex = a.locks.mutex('x', { renew: false, ttl: 30_000 })
  const out = w.watch(mutex.acquire({ wait: 60_000 }))
  await w.advance(5)
  w.net.delay('reply', 'renew', 20, { of: a })
  await held.release()
  await w.advance(5)
  expect(out.state).toBe('pending')
  expect(await admin.locks.revoke('x')).toEqual({ asked: 1 })
  await w.advance(100)
  expect(out.value.revoked.aborted).toBe(true)
})

test('who was asked to let go and downgrades is asked still', async () => {
  const w = new World()
  const [a, admin] = [w.client(), w.client({}, { label: 'ops' })]
  const lock = await a.locks.mutex('x').acquire()
  await admin.locks.revoke('x', { reason: 'one' })
  const reader = await lock.downgrade()
  await w.advance(20_000)
  expect(reader.revoked.aborted).toBe(true)
})

test('permits around a reader, and a reader around permits, would wait for themselves', async () => {
  const w = new World()
  const { locks } = w.client()
  const semaphore = locks.semaphore('x', { limit: 2 })
  const { read } = { read: locks.readWrite('x').read() }
  const outs = [
    w.watch(semaphore.use(() => read.use(() => {}))),
    w.watch(
      locks
        .readWrite('y')
        .read()
        .use(() => locks.semaphore('y', { limit: 2 }).acquire()),
    ),
  ]
  await w.advance(100)
  for (const { error } of outs) {
    expect(error).toMatchObject({ code: 'ERR_DEADLOCK' })
    expect(error.message).toMatch(/another name/)
  }
})

test('who holds permits leads nobody', async () => {
  const w = new World()
  const { locks } = w.client()
  await locks.semaphore('x', { limit: 2 }).acquire()
  const leaders = locks.election('x').observe()[Symbol.asyncIterator]()
  const first = w.watch(leaders.next())
  await w.advance(100)
  expect(first.value).toEqual({ done: false, value: null })
  await leaders.return?.()
})
