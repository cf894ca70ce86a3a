// Revocation: a holder is asked to let go, and holds on until it does.
import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import type { HoldfastEvents, Lock } from '../../src/index.js'
import { Holdfast } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { ownerId, World, type SimClient } from '../kit/world.js'

interface Scene {
  readonly w: World
  readonly a: SimClient
  readonly admin: SimClient
  readonly held: Lock
}

/** a holds x; it hears messages only if it has subscribed. */
async function scene(subscribed: boolean): Promise<Scene> {
  const w = new World()
  const [a, admin] = [w.client(), w.client({}, { label: 'ops' })]
  if (subscribed) {
    const y = await admin.locks.mutex('y').acquire()
    const wait = w.watch(a.locks.mutex('y').acquire())
    await w.advance()
    await y.release()
    await w.advance()
    await wait.value.release()
  }
  const held = await a.locks.mutex('x', { label: 'holder' }).acquire()
  await w.advance()
  return { w, a, admin, held }
}

const state = (w: World): string | undefined => {
  w.server.keys()
  return /^\S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ (\d)/.exec(
    w.server.space.get(keysOf('x', 'lock:')[1]) ?? '',
  )?.[1]
}

test('with a subscription it is asked by message, and told by whom and why', async () => {
  const { w, a, admin, held } = await scene(true)
  const told: HoldfastEvents['holdfast:revoked'][] = []
  const listener = (message: unknown): void =>
    void told.push(message as HoldfastEvents['holdfast:revoked'])
  channel('holdfast:revoked').subscribe(listener)
  expect(await admin.locks.revoke('x', { reason: 'a new leader, please' })).toEqual({ asked: 1 })
  await w.advance()
  channel('holdfast:revoked').unsubscribe(listener)
  expect(w.net.count('renew', a)).toBe(0)
  const by = { label: 'ops', reason: 'a new leader, please' }
  expect(held.revoked.reason).toMatchObject({ code: 'ERR_REVOKED', lock: 'x', by })
  expect(String(held.revoked.reason)).toContain('"ops" asked')
  expect(told).toMatchObject([{ name: 'x', owner: held.owner, fence: held.fence, by }])
})

test('without one, its next renewal tells it the same', async () => {
  const { w, admin, held } = await scene(false)
  expect(await admin.locks.revoke('x', { reason: 'deploy' })).toEqual({ asked: 1 })
  await w.advance(3000)
  expect(held.revoked.aborted).toBe(false)
  await w.advance(500)
  expect(held.revoked.reason).toMatchObject({ by: { label: 'ops', reason: 'deploy' } })
})

test('a signal that is asked for later has aborted already; without reason it says somebody', async () => {
  const { w, a, held } = await scene(false)
  const other = w.client()
  await other.locks.revoke('x')
  await held.verify()
  const { revoked } = held
  expect(revoked.aborted).toBe(true)
  expect(revoked.reason).toMatchObject({ code: 'ERR_REVOKED', by: {} })
  expect(String(revoked.reason)).toContain('somebody')
  expect(held.revoked).toBe(revoked)
  expect(w.net.count('renew', a)).toBe(1)
})

test('it keeps its lease, renewed, for as long as it does not release', async () => {
  const { w, admin, held } = await scene(true)
  const b = w.client()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: Infinity }))
  await w.advance()
  await admin.locks.revoke('x')
  await w.advance(60_000)
  held.assertHeld()
  expect(held.signal.aborted).toBe(false)
  expect(wait.state).toBe('pending')
  // The wish survives renewals.
  expect(state(w)).toBe('3')
  expect(await held.release()).toEqual({ released: true })
  await w.advance()
  expect(wait.state).toBe('done')
  // The next one is not asked.
  await w.advance(20_000)
  expect(wait.value.revoked.aborted).toBe(false)
  expect(wait.value.fence).toBeGreaterThan(held.fence)
})

test('a late copy spares whoever came later', async () => {
  const { w, admin, held } = await scene(true)
  const late = w.net.double('request', 'force')
  await admin.locks.revoke('x')
  await held.release()
  const next = await w.client().locks.mutex('x').acquire()
  late.release()
  await w.advance(20_000)
  expect(next.revoked.aborted).toBe(false)
  expect(state(w)).toBe('0')
})

test('a request that is late itself spares whoever came later, and says so', async () => {
  const { w, admin, held } = await scene(true)
  w.net.delay('request', 'force', 100)
  const asked = w.watch(admin.locks.revoke('x'))
  await w.advance(50)
  await held.release()
  const next = await w.client().locks.mutex('x').acquire()
  await w.advance(100)
  expect(asked.value).toEqual({ asked: 0 })
  await next.verify()
  expect(next.revoked.aborted).toBe(false)
})

test('a pushed grant that was not renewed yet is asked as well, and stays a claim', async () => {
  const { w, admin, held } = await scene(false)
  const b = w.client()
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  await held.release()
  await w.advance()
  w.net.drop('push', 'revoked')
  await admin.locks.revoke('x')
  expect(state(w)).toBe('4')
  await w.advance(1000)
  // Its first renewal has made it an ordinary one, and told it.
  expect(state(w)).toBe('3')
  expect(wait.value.revoked.aborted).toBe(true)
  wait.value.assertHeld()
})

test('a claim that ran out after it was asked costs the others one claim', async () => {
  const w = new World()
  const [dead, live] = [1, 2]
  w.ask('x', ownerId(3), {})
  for (const sequence of [1, 2, 3]) w.ask('x', ownerId(dead, sequence))
  w.ask('x', ownerId(live))
  w.release('x', ownerId(3))
  expect(w.holder('x')).toBe(ownerId(dead, 1))
  expect(w.kernel('force', 'x', ['2', '', ''])[0]).toBe('asked')
  await w.advance(2001)
  w.ask('x', ownerId(live))
  expect(w.holder('x')).toBe(ownerId(live))
})

test('a forced tenure stays forced, and one that was asked can be forced', async () => {
  const { w, admin, held } = await scene(false)
  // A verdict of the grant's own moment would not count.
  await w.advance(1)
  await admin.locks.forceRelease('x')
  expect(await admin.locks.revoke('x')).toEqual({ asked: 1 })
  expect(state(w)).toBe('1')
  await expect(held.verify()).rejects.toMatchObject({ reason: 'forced' })
  const next = await w.client().locks.mutex('x').acquire()
  await w.advance(1)
  await admin.locks.revoke('x')
  await admin.locks.forceRelease('x')
  await expect(next.verify()).rejects.toMatchObject({ reason: 'forced' })
  // A lost lock is not asked any more.
  expect(next.revoked.aborted).toBe(false)
})

test('all who share are asked, more than one call can ask; who comes later is not', async () => {
  const w = new World()
  const admin = w.client()
  const readers = Array.from({ length: 150 }, (_, i) => ownerId(1, i + 1))
  for (const owner of readers) w.ask('x', owner, { mode: 's' })
  const mark = w.net.delay('request', 'force', 10)
  const asked = w.watch(admin.locks.revoke('x', { reason: 'a writer waits' }))
  await w.advance(5)
  w.ask('x', ownerId(2), { mode: 's' })
  mark()
  await w.advance(10)
  expect(asked.value).toEqual({ asked: 150 })
  expect(w.net.count('force', admin)).toBe(3)
  for (const owner of readers) expect(w.renew('x', owner)).toHaveLength(5)
  expect(w.renew('x', ownerId(2))).toHaveLength(4)
})

test('a holder whose record was lost is asked by a record of its own', async () => {
  const { w, admin, held } = await scene(false)
  w.server.del(keysOf('x', 'lock:')[1])
  expect(await admin.locks.revoke('x', { reason: 'r' })).toEqual({ asked: 1 })
  await held.verify()
  expect(held.revoked.reason).toMatchObject({ by: { label: 'ops', reason: 'r' } })
})

test('nobody, and a holder of another library, cannot be asked', async () => {
  const w = new World()
  const { locks } = w.client()
  expect(await locks.revoke('x')).toEqual({ asked: 0 })
  w.server.set('lock:x', 'redlock', 60_000)
  expect(await locks.revoke('x')).toEqual({ asked: 0 })
  expect(w.holder('x')).toBe('redlock')
})

test('arguments are checked, and a Holdfast in memory does it too', async () => {
  const clock = new ManualClock()
  const locks = Holdfast.inMemory({ clock })
  await expect(locks.revoke('')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  await expect(locks.revoke('x', { reason: 'r'.repeat(257) })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  })
  const lock = await locks.mutex('x').acquire()
  expect(await locks.revoke('x', { reason: 'two words\nand a line' })).toEqual({ asked: 1 })
  await lock.verify()
  expect(lock.revoked.reason).toMatchObject({ by: { reason: 'two words\nand a line' } })
  await locks.close()
})
