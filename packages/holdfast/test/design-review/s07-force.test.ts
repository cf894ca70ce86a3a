// S7: force breaks exclusion unless it withholds the name.
import { expect, test } from 'vitest'
import type { ForceResult, Lock } from '../../src/index.js'
import { believers, World, type Outcome, type SimClient } from '../kit/world.js'

interface Scene {
  readonly w: World
  readonly held: Lock
  readonly wait: Outcome<Lock>
  readonly a: SimClient
  readonly b: SimClient
  readonly force: (options?: { now: boolean }) => Promise<ForceResult>
}

/** a holds x, b waits for it, a third one forces. a is told only if it has subscribed. */
async function scene(subscribed: boolean, forced: 'release' | 'keep' = 'release'): Promise<Scene> {
  const w = new World()
  const [a, b, admin] = [w.client({}, { forced }), w.client(), w.client()]
  if (subscribed) {
    const y = await admin.locks.mutex('y').acquire()
    await w.advance()
    const wait = w.watch(a.locks.mutex('y').acquire())
    await w.advance()
    await y.release()
    await w.advance()
    await wait.value.release()
  }
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance()
  return { w, a, b, held, wait, force: (options) => admin.locks.forceRelease('x', options) }
}

test('S7: force asks the holder by message; the name goes on when it has let go', async () => {
  const { w, held, wait, force } = await scene(true)
  expect(await force()).toMatchObject({ freed: false, asked: 1 })
  await w.advance()
  expect(held.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'forced' })
  expect(wait.state).toBe('done')
  expect(believers(held, wait.value)).toBe(1)
})

test('S7: who keeps what is forced gives it away itself, or the end of its lease does', async () => {
  const { w, a, held, wait, force } = await scene(true, 'keep')
  await force()
  await w.advance(3000)
  expect(held.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'forced' })
  // It tells nothing of the server any more: that it is over is known.
  expect(await held.release()).toEqual({ released: false, reason: 'lost' })
  await w.advance(3000)
  expect(wait.state).toBe('pending')
  expect(await a.locks.release('x', held.owner)).toEqual({ released: true })
  await w.advance()
  expect(wait.state).toBe('done')
  await wait.value.release()
  expect(w.left()).toEqual([])

  const silent = await scene(true, 'keep')
  const at = silent.w.clock.monotonic()
  await silent.force()
  while (silent.wait.state === 'pending') await silent.w.advance(50)
  expect(silent.w.clock.monotonic() - at).toBeGreaterThan(9500)
  expect(silent.w.clock.monotonic() - at).toBeLessThan(10_500)
})

test('S7: with the message lost the name is withheld until the next renewal tells it', async () => {
  const { w, held, wait, force } = await scene(true)
  w.net.drop('push', 'forced')
  expect(await force()).toMatchObject({ freed: false, asked: 1 })
  await w.advance(3000)
  expect(wait.state).toBe('pending')
  expect(held.signal.aborted).toBe(false)
  await w.advance(500)
  expect(held.signal.reason).toMatchObject({ reason: 'forced' })
  expect(wait.state).toBe('done')
})

test('S7: it is not renewed any more: a holder that hears nothing keeps it to its expiry', async () => {
  const { w, a, held, wait, force } = await scene(false)
  // Renewals are carried out, their answers are lost.
  w.net.drop('reply', 'renew', { of: a, times: Infinity })
  w.net.drop('request', 'release', { of: a, times: Infinity })
  await force()
  const at = w.clock.monotonic()
  while (wait.state === 'pending' && w.clock.monotonic() < 30_000) {
    await w.advance(50)
    expect(believers(held, wait.value)).toBeLessThanOrEqual(1)
  }
  expect(w.clock.monotonic() - at).toBeGreaterThan(9500)
  expect(w.clock.monotonic() - at).toBeLessThan(10_500)
})

test('S7: nor does an acquire of the same owner renew it', async () => {
  const { w, b, held, wait, force } = await scene(true)
  // b is granted by a message that is lost, and forced before it asks again.
  w.net.drop('push', 'grant')
  await held.release()
  w.net.drop('push', 'forced')
  await force()
  const forced = w.holder('x')
  b.port.mendPushes()
  await w.advance()
  // It lets go of the name, and has it by a tenure of its own.
  expect(wait.state).toBe('done')
  expect(w.holder('x')).toBe(wait.value.owner)
  expect(wait.value.owner).not.toBe(forced)
})

test('S7: { now } gives it away at once; then only fencing protects', async () => {
  const { w, held, wait, force } = await scene(false)
  expect(await force({ now: true })).toMatchObject({ freed: true, asked: 1 })
  await w.advance()
  expect(wait.state).toBe('done')
  expect(believers(held, wait.value)).toBe(2)
  expect(wait.value.fence).toBeGreaterThan(held.fence)
  // The forced one learns it by its next renewal, and its release touches nothing.
  await w.advance(3500)
  expect(held.signal.aborted).toBe(true)
  expect(w.holder('x')).toBe(wait.value.owner)
})

test('S7: a holder of another library is ended with { now } only', async () => {
  const { w, force } = await scene(false)
  w.server.set('lock:x', 'redlock', 60_000)
  expect(await force()).toMatchObject({ freed: false, asked: 0, remaining: 60_000 })
  expect(w.holder('x')).toBe('redlock')
  expect(await force({ now: true })).toMatchObject({ freed: true })
  expect(w.holder('x')).not.toBe('redlock')
})
