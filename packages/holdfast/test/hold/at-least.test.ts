// holdAtLeast: a release that comes early keeps the name from others until its time has passed.
import { describe, expect, test } from 'vitest'
import { believers, ownerId, World } from '../kit/world.js'
import { ask, world } from './kit.js'

test('released early: kept until then, and the next in line gets in by its own timer', async () => {
  const { w, clients } = await world(2)
  const [a, b] = clients as [(typeof clients)[0], (typeof clients)[0]]
  const lock = await a.locks.mutex('x', { ttl: 10_000, holdAtLeast: 3000 }).acquire()
  const granted = w.clock.monotonic()
  const next = await ask(w, b)
  await w.advance(995)
  const before = w.net.count()
  const timers = w.clock.timers
  expect(await lock.release()).toEqual({ released: true, keptFor: 2000 })
  expect(lock.isHeld).toBe(false)
  expect(w.clock.timers).toBeLessThan(timers)
  // The releaser is gone at once.
  w.net.silence(a)
  await w.advance(1999)
  expect(next.state).toBe('pending')
  await w.advance(20)
  expect(next.state).toBe('done')
  expect(next.at - granted).toBeGreaterThanOrEqual(3000)
  expect(next.at - granted).toBeLessThan(3020)
  // The release, and the question of the one who waits, which a message told when to ask.
  expect(w.net.count() - before).toBe(2)
  await next.value.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('for longer than the lease', async () => {
  const { w, clients } = await world(2)
  const lock = await clients[0]!.locks.mutex('x', { ttl: 1000, holdAtLeast: '20m' }).acquire()
  const next = await ask(w, clients[1]!)
  expect(await lock.release()).toMatchObject({ keptFor: 1_199_995 })
  const before = w.net.count()
  // Its record lives as long.
  await w.advance(1_199_000)
  expect(w.renew('x', lock.owner)[0]).toBe('forced')
  expect(next.state).toBe('pending')
  // The one who waits was told: it asked nothing meanwhile.
  expect(w.net.count()).toBe(before)
  await w.advance(1020)
  expect(next.state).toBe('done')
})

test('after its time a release is like any other', async () => {
  const { w, clients } = await world(2)
  const lock = await clients[0]!.locks.mutex('x', { holdAtLeast: 3000 }).acquire()
  const next = await ask(w, clients[1]!)
  await w.advance(2995)
  expect(await lock.release()).toEqual({ released: true })
  await w.advance()
  expect(next.state).toBe('done')
})

test('late copies change nothing: release, renew, acquire, turn', async () => {
  const w = new World()
  const [a, b] = [ownerId(1), ownerId(2)]
  w.ask('x', a)
  await w.advance(100)
  const kept = w.release('x', a, '1000')
  expect(kept[0]).toBe('kept')
  await w.advance(500)
  expect(w.release('x', a, '1000')).toEqual(kept)
  expect(w.renew('x', a, 60_000)).toEqual(['forced'])
  expect(w.ask('x', a, { ttl: 60_000 })).toEqual(['forced'])
  expect(w.kernel('turn', 'x', [a, b, 'x', '60000', '', '', ''])[0]).toBe('forced')
  expect(w.release('x', a, '1000')).toEqual(kept)
  await w.advance(401)
  expect(w.holder('x')).toBe(null)
  expect(w.ask('x', a)).toEqual(['lapsed'])
  expect(w.ask('x', b)[0]).toBe('granted')
  expect(w.release('x', a, '1000')[0]).toBe('gone')
  expect(w.holder('x')).toBe(b)
})

test('a release that was doubled: one answer, and one tenure after it', async () => {
  const { w, clients } = await world(2)
  const copy = w.net.double('request', 'release')
  const lock = await clients[0]!.locks.mutex('x', { holdAtLeast: 1000 }).acquire()
  const next = await ask(w, clients[1]!)
  await lock.release()
  copy.release()
  await w.advance(1020)
  expect(next.state).toBe('done')
  copy.release()
  await w.advance(20_000)
  expect(believers(next.value)).toBe(1)
})

test('a release whose answer was lost is told again, and is the same', async () => {
  const { w, clients } = await world(2)
  const lock = await clients[0]!.locks.mutex('x', { holdAtLeast: 3000 }).acquire()
  const next = await ask(w, clients[1]!)
  w.net.drop('reply', 'release')
  const releasing = w.watch(lock.release())
  await w.advance(1100)
  expect(releasing.value).toEqual({ released: false, reason: 'unavailable' })
  await w.advance(1880)
  expect(next.state).toBe('pending')
  await w.advance(40)
  expect(next.state).toBe('done')
})

test('a step back of the clock keeps it for no longer than was asked for', async () => {
  const { w, clients } = await world(1)
  const lock = await clients[0]!.locks.mutex('x', { holdAtLeast: 3000 }).acquire()
  w.serverStep = -3_600_000
  const { keptFor } = await lock.release()
  expect(keptFor).toBe(3000)
})

test('a record that somebody deleted: released at once', async () => {
  const { w, clients } = await world(1)
  const lock = await clients[0]!.locks.mutex('x', { holdAtLeast: 3000 }).acquire()
  w.server.del('{lock:x}:hf:fence:lock:x')
  expect(await lock.release()).toEqual({ released: true })
  expect(w.holder('x')).toBe(null)
})

describe('those who share', () => {
  test('a reader is kept beside the others, who come, renew and go; a writer waits for it', async () => {
    const { w, clients } = await world(4)
    const catalog = (i: number) => clients[i]!.locks.readWrite('x', { ttl: 5000 })
    const early = clients[0]!.locks.readWrite('x', { ttl: 5000, holdAtLeast: 20_000 })
    const first = await early.read().acquire()
    const second = await catalog(1).read().acquire()
    expect(await first.release()).toEqual({ released: true, keptFor: 20_000 })
    const third = await catalog(2).read().acquire()
    await w.advance(10_000)
    second.assertHeld()
    third.assertHeld()
    expect((await clients[0]!.locks.inspect('x')).holderCount).toBe(3)
    await second.release()
    await third.release()
    const writer = w.watch(catalog(3).write().acquire({ wait: Infinity }))
    await w.advance(9990)
    expect(writer.state).toBe('pending')
    await w.advance(30)
    expect(writer.state).toBe('done')
    await writer.value.release()
    expect(w.left()).toEqual([])
  })

  test('sooner than its lease: the one who waits is told', async () => {
    const { w, clients } = await world(2)
    const taker = clients[0]!.locks.readWrite('x', { ttl: 60_000, holdAtLeast: 1000 }).read()
    const reader = await taker.acquire()
    const writer = w.watch(clients[1]!.locks.readWrite('x').write().acquire({ wait: Infinity }))
    await w.advance(10)
    await reader.release()
    await w.advance(1010)
    expect(writer.state).toBe('done')
  })

  test('permits are kept as many as they were', async () => {
    const { w, clients } = await world(2)
    const semaphore = clients[0]!.locks.semaphore('x', { limit: 5, holdAtLeast: 2000, ttl: 60_000 })
    const lock = await semaphore.acquire({ permits: 3 })
    const next = w.watch(
      clients[1]!.locks.semaphore('x', { limit: 5 }).acquire({ permits: 3, wait: Infinity }),
    )
    await w.advance(500)
    expect(await lock.release()).toEqual({ released: true, keptFor: 1500 })
    expect(await semaphore.available()).toMatchObject({ used: 3, available: 2 })
    expect(w.renew('x', lock.owner)[0]).toBe('forced')
    await w.advance(1480)
    expect(next.state).toBe('pending')
    await w.advance(40)
    expect(next.state).toBe('done')
    expect(await semaphore.available()).toMatchObject({ used: 3 })
    await next.value.release()
    expect(w.left()).toEqual([])
  })
})

test('of several handles the last one counts', async () => {
  const { clients } = await world(1)
  const { locks } = clients[0]!
  const owner = locks.owner()
  const mutex = locks.mutex('x', { reentrant: true, holdAtLeast: 3000 })
  const [first, second] = [await mutex.acquire({ owner }), await mutex.acquire({ owner })]
  expect(await first.release()).toEqual({ released: false, reason: 'held' })
  expect(await second.release()).toEqual({ released: true, keptFor: 3000 })
})

test('use, tryUse, await using and close keep it too', async () => {
  const { w, clients } = await world(2)
  const { locks } = clients[0]!
  const remaining = async (name: string): Promise<unknown> =>
    (await clients[1]!.locks.inspect(name)).holders[0]?.remaining
  expect(await locks.mutex('a', { holdAtLeast: 3000 }).use(() => 7)).toBe(7)
  expect(await locks.mutex('b', { holdAtLeast: 3000 }).tryUse(() => 7)).toMatchObject({ ran: true })
  {
    await using lock = await locks.mutex('c', { holdAtLeast: 3000 }).acquire()
    lock.assertHeld()
  }
  await locks.mutex('d', { holdAtLeast: 3000 }).acquire()
  await w.advance(1000)
  await locks.close()
  expect(await Promise.all(['a', 'b', 'c', 'd'].map(remaining))).toEqual([2000, 2000, 2000, 2000])
  await w.advance(2001)
  expect(w.left()).toEqual([])
})

test('a downgrade begins anew: the reader has a grant of its own', async () => {
  const { w, clients } = await world(1)
  const taker = clients[0]!.locks.readWrite('x', { holdAtLeast: 3000 }).write()
  const writer = await taker.acquire()
  await w.advance(1000)
  const reader = await writer.downgrade()
  expect(await writer.release()).toEqual({ released: true })
  await w.advance(500)
  expect(await reader.release()).toEqual({ released: true, keptFor: 2500 })
})

test('a loss keeps it too, as far as the server still has the lease; a force does not', async () => {
  const { w, clients } = await world(2)
  const { locks } = clients[0]!
  await locks.mutex('x', { holdAtLeast: 8000, maxHold: 1000 }).acquire()
  const forced = await locks.mutex('y', { holdAtLeast: 8000 }).acquire()
  await w.advance(1001)
  expect((await clients[1]!.locks.inspect('x')).holders[0]?.remaining).toBe(6999)
  await clients[1]!.locks.forceRelease('y')
  await w.advance(5)
  expect(forced.signal.aborted).toBe(true)
  expect(w.holder('y')).toBe(null)
})

test('a crash before the release: the lease is the limit', async () => {
  const { w, clients } = await world(2)
  await clients[0]!.locks.mutex('x', { ttl: 2000, holdAtLeast: 60_000 }).acquire()
  const next = await ask(w, clients[1]!)
  w.net.silence(clients[0])
  await w.advance(2100)
  expect(next.state).toBe('done')
})

test('what is kept is seen, asked for and forced like a holder', async () => {
  const { w, clients } = await world(3)
  const { locks } = clients[1]!
  const lock = await clients[0]!.locks.mutex('x', { holdAtLeast: 8000, label: 'a' }).acquire()
  const next = await ask(w, clients[2]!)
  await lock.release()
  const { holders } = await locks.inspect('x')
  expect(holders).toMatchObject([{ owner: lock.owner, label: 'a', remaining: 7995 }])
  expect(await locks.revoke('x')).toEqual({ asked: 1 })
  expect(await locks.forceRelease('x')).toEqual({ freed: false, asked: 1, remaining: 7995 })
  expect(next.state).toBe('pending')
  expect(await locks.forceRelease('x', { now: true })).toMatchObject({ freed: true })
  await w.advance()
  expect(next.state).toBe('done')
  expect(next.value.fence).toBeGreaterThan(lock.fence)
})

test('one whose kept time ran out is not taken for a dead process', async () => {
  const w = new World()
  const [a, b, again, c] = [ownerId(1), ownerId(2, 1), ownerId(2, 2), ownerId(3)]
  for (const owner of [a, b, again, c]) w.ask('x', owner)
  // Granted by a message, and released before it was ever renewed.
  w.release('x', a)
  expect(w.release('x', b, '3000')[0]).toBe('kept')
  await w.advance(3001)
  expect(w.ask('x', c)[0]).toBe('queued')
  expect(w.holder('x')).toBe(again)
})

test('I5: a dead head costs those behind it no more than a claim: the releaser looks', async () => {
  const { w, clients } = await world(3)
  const lock = await clients[0]!.locks.mutex('x', { ttl: 60_000, holdAtLeast: 3000 }).acquire()
  const dead = await ask(w, clients[1]!)
  const next = await ask(w, clients[2]!)
  w.net.silence(clients[1])
  await lock.release()
  await w.advance(3000 + 2000 + 200)
  expect(dead.state).toBe('pending')
  expect(next.state).toBe('done')
})

test.each([-1, '1d', Infinity, null, 'soon'])('holdAtLeast: %s is refused', async (holdAtLeast) => {
  const { clients } = await world(1)
  const { locks } = clients[0]!
  const options = { holdAtLeast: holdAtLeast as number }
  for (const make of [
    () => locks.mutex('x', options),
    () => locks.readWrite('x', options),
    () => locks.semaphore('x', { limit: 2, ...options }),
    () => locks.election('x', options),
  ]) {
    expect(make).toThrow(/options\.holdAtLeast: expected a duration of at least 0 ms/)
  }
})

test('a leader who resigns early leads nobody, and nobody leads before the time is over', async () => {
  const { w, clients } = await world(2)
  const leader = await clients[0]!.locks.election('x', { holdAtLeast: 3000 }).campaign()
  const next = w.watch(clients[1]!.locks.election('x').campaign())
  await w.advance(5)
  expect(await leader.resign()).toMatchObject({ released: true, keptFor: 2995 })
  expect(leader.isLeader).toBe(false)
  await w.advance(2990)
  expect(next.state).toBe('pending')
  await w.advance(30)
  expect(next.state).toBe('done')
})
