// What a hostile reading of the record with the fence, and of the look after a claim, found.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { channelOfClient, ownerId, World, type Outcome, type SimClient } from '../kit/world.js'

test('a forced lock that was extended to an hour learns of it at its next renewal', async () => {
  const w = new World()
  const [a, admin] = [w.client(), w.client()]
  const lock = await a.locks.mutex('x').acquire()
  await lock.extend('1h')
  expect(await admin.locks.forceRelease('x')).toMatchObject({ freed: false, asked: 1 })
  for (let i = 0; i < 130; i++) await w.advance(10_000)
  expect(w.net.count('renew')).toBe(2)
  expect(lock.signal.aborted).toBe(true)
})

test('who holds for longer than the fence lives keeps its record', async () => {
  const w = new World()
  const a = w.client({}, { label: 'leader' })
  const lock = await a.locks.mutex('x').acquire()
  for (let i = 0; i < 601; i++) await w.advance(1000)
  const { fence, holders } = await a.locks.inspect('x')
  expect(fence).toBe(lock.fence)
  expect(holders).toMatchObject([{ fence: lock.fence, label: 'leader' }])
})

test('and its token, when it is asked for again', () => {
  const w = new World()
  const first = w.ask('x', ownerId(1))
  for (let i = 0; i < 201; i++) {
    w.clock.block(3000)
    w.renew('x', ownerId(1))
  }
  expect(w.ask('x', ownerId(1))[1]).toBe(first[1])
})

for (const killed of [true, false]) {
  test(`70 dead places cost one claim at most, ${killed ? 'killed' : 'stopped'}`, async () => {
    const w = new World()
    const [h, d, y] = [w.client(), w.client(), w.client()]
    const held = await h.locks.mutex('x').acquire({ ttl: 60_000 })
    for (let i = 0; i < 70; i++) w.watch(d.locks.mutex('x').acquire({ wait: Infinity }))
    await w.advance(10)
    const wait = w.watch(y.locks.mutex('x').acquire({ wait: Infinity, ttl: 60_000 }))
    await w.advance(10)
    d.clock.freeze('stopped')
    if (killed) d.port.cutPushes()
    await held.release()
    await w.advance(killed ? 100 : 2100)
    expect(wait.state).toBe('done')
  })
}

for (const gone of [false, true]) {
  const how = gone ? 'and its first caller gives up' : 'and asks'
  test(`a client that was silent keeps its other places: it wakes ${how}`, async () => {
    const w = new World()
    const [h, x, y, z] = [w.client(), w.client(), w.client(), w.client()]
    const held = await h.locks.mutex('n').acquire({ ttl: 60_000 })
    const { signal, abort } = aborting()
    w.watch(x.locks.mutex('n').acquire({ wait: Infinity, signal }))
    await w.advance(10)
    const second = w.watch(x.locks.mutex('n').acquire({ wait: Infinity }))
    await w.advance(10)
    const other = w.watch(y.locks.mutex('n').acquire({ wait: Infinity, ttl: 60_000 }))
    await w.advance(10)
    x.clock.freeze('stopped')
    await held.release()
    await w.advance(2500)
    if (gone) abort()
    x.clock.thaw()
    await w.advance(500)
    w.watch(z.locks.mutex('n').acquire({ wait: Infinity, ttl: 60_000 }))
    await w.advance(10)
    await other.value.release()
    await w.advance(100)
    expect(second.state).toBe('done')
  })
}

function aborting(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) }
}

interface Scene {
  w: World
  h: SimClient
  held: Lock
  wait: Outcome<Lock>
  leave: () => void
}

/** h holds; behind it two dead processes, a live one, and perhaps h itself. */
async function scene(own: boolean): Promise<Scene> {
  const w = new World()
  const [h, d1, d2, y] = [w.client(), w.client(), w.client(), w.client()]
  const held = await h.locks.mutex('x').acquire({ ttl: 60_000 })
  for (const { locks } of [d1, d2]) {
    w.watch(locks.mutex('x').acquire({ wait: Infinity }))
    await w.advance(10)
  }
  const wait = w.watch(y.locks.mutex('x').acquire({ wait: Infinity, ttl: 60_000 }))
  await w.advance(10)
  const { signal, abort } = aborting()
  if (own) w.watch(h.locks.mutex('x').acquire({ wait: Infinity, signal }))
  await w.advance(10)
  for (const { clock } of [d1, d2]) clock.freeze('stopped')
  return { w, h, held, wait, leave: abort }
}

test('another waiter of the process that looks after a claim leaves meanwhile', async () => {
  const { w, held, wait, leave } = await scene(true)
  await held.release()
  await w.advance(500)
  leave()
  await w.advance(4000)
  expect(wait.state).toBe('done')
})

test('the look after a claim is tried again when it fails', async () => {
  const { w, h, held, wait } = await scene(false)
  await held.release()
  w.net.drop('request', 'release', { of: h })
  await w.advance(5000)
  expect(wait.state).toBe('done')
})

test('no look after a claim when the process is closed', async () => {
  const { w, h, held } = await scene(false)
  await held.release()
  await h.locks.close()
  const before = w.net.count('release', h)
  await w.advance(5000)
  expect(w.net.count('release', h)).toBe(before)
})

test('readers whom a foreign holder pushed out are still counted when one of them leaves', () => {
  const w = new World()
  w.ask('x', ownerId(1), { mode: 's' })
  w.ask('x', ownerId(2), { mode: 's' })
  w.server.set(keysOf('x', 'lock:')[0], 'somebody else', 100)
  w.release('x', ownerId(1))
  w.clock.block(200)
  expect(w.ask('x', ownerId(3), { mode: 'x', wait: false })[0]).toBe('taken')
})

test('a late release is a sign of life: the other places of its client stay', () => {
  const w = new World()
  for (const client of [1, 2, 3]) w.server.subscribe(channelOfClient(client), () => undefined)
  w.ask('x', ownerId(1))
  w.ask('x', ownerId(2, 1))
  w.ask('x', ownerId(2, 2))
  w.ask('x', ownerId(3))
  w.release('x', ownerId(1))
  w.clock.block(2001)
  expect(w.release('x', ownerId(2, 1))[0]).toBe('gone')
  expect(w.holder('x')).toBe(ownerId(2, 2))
})
