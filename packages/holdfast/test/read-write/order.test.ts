// One line for readers and writers: who waits for whom, and for how long.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { ask, conflicts, served, world } from './kit.js'

test('readers share; a writer is alone', async () => {
  const { w, clients } = await world(3)
  const [a, b, c] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]]
  const reads = [await ask(w, a, 'read'), await ask(w, b, 'read'), await ask(w, b, 'read')]
  expect(served(...reads)).toEqual([0, 1, 2])
  expect(await c.locks.readWrite('x').write().tryAcquire()).toBe(null)
  const write = await ask(w, c, 'write')
  for (const { value } of reads) {
    expect(write.state).toBe('pending')
    await value.release()
    await w.advance()
  }
  expect(write.state).toBe('done')
  expect(await a.locks.readWrite('x').read().tryAcquire()).toBe(null)
  expect(await a.locks.readWrite('x').write().tryAcquire()).toBe(null)
  await write.value.release()
  expect(w.left()).toEqual([])
})

test('the write side is the mutex of the name', async () => {
  const { w, clients } = await world(2)
  const [a, b] = clients as [(typeof clients)[0], (typeof clients)[0]]
  const mutex = await a.locks.mutex('x').acquire()
  expect(await b.locks.readWrite('x').read().tryAcquire()).toBe(null)
  await mutex.release()
  const reader = await b.locks.readWrite('x').read().acquire()
  expect(await a.locks.mutex('x').tryAcquire()).toBe(null)
  await reader.release()
  expect(w.left()).toEqual([])
})

test('a reader behind a waiting writer waits, also one that would not wait', async () => {
  const { w, clients } = await world(3)
  const [a, b, c] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]]
  const first = await ask(w, a, 'read')
  const write = await ask(w, b, 'write')
  expect(await c.locks.readWrite('x').read().tryAcquire()).toBe(null)
  const late = await ask(w, c, 'read')
  expect(served(first, write, late)).toEqual([0])
  await first.value.release()
  await w.advance()
  expect(served(first, write, late)).toEqual([1])
  await write.value.release()
  await w.advance()
  expect(served(first, write, late)).toEqual([2])
})

test('served by arrival; neighbouring readers come in together, by one release', async () => {
  const { w, clients } = await world(9)
  const sides = [
    'write',
    'read',
    'read',
    'read',
    'write',
    'write',
    'read',
    'read',
    'write',
  ] as const
  const all = []
  for (const [i, side] of sides.entries()) all.push(await ask(w, clients[i]!, side))
  for (const group of [[0], [1, 2, 3], [4], [5], [6, 7], [8]]) {
    expect(served(...all)).toEqual(group)
    const releases = w.net.count('release')
    for (const i of group) {
      await all[i]!.value.release()
      await w.advance(5)
    }
    expect(w.net.count('release') - releases).toBe(group.length)
  }
  expect(w.left()).toEqual([])
})

test('a waiting writer that gives up lets in the readers behind it', async () => {
  const { w, clients } = await world(4)
  const first = await ask(w, clients[0]!, 'read')
  const giveUp = new AbortController()
  const write = await ask(w, clients[1]!, 'write', { signal: giveUp.signal })
  const reads = [await ask(w, clients[2]!, 'read'), await ask(w, clients[3]!, 'read')]
  expect(served(...reads)).toEqual([])
  giveUp.abort(new Error('enough'))
  await w.advance()
  expect(write.state).toBe('failed')
  expect(served(first, ...reads)).toEqual([0, 1, 2])
})

test('neither side starves: nobody is overtaken by who came later, whatever keeps coming', async () => {
  const { w, clients } = await world(6)
  const granted: { side: 'read' | 'write'; arrived: number; at: number }[] = []
  const readers: Lock[] = []
  const writers: Lock[] = []
  let over = false
  let arrivals = 0
  const loop = async (i: number): Promise<void> => {
    const { locks, clock } = clients[i]!
    const side = i < 4 ? 'read' : 'write'
    while (!over) {
      const arrived = arrivals++
      const lock = await locks.readWrite('x')[side]().acquire({ wait: Infinity })
      granted.push({ side, arrived, at: granted.length })
      const mine = side === 'read' ? readers : writers
      mine.push(lock)
      await new Promise((resolve) => clock.setTimer(() => resolve(null), 7 + 3 * i))
      mine.splice(mine.indexOf(lock), 1)
      await lock.release()
    }
  }
  const loops = clients.map((_, i) => loop(i))
  for (let i = 0; i < 3000; i++) {
    await w.advance(1)
    expect(conflicts(readers, writers)).toBe(false)
  }
  over = true
  for (let i = 0; i < 300; i++) await w.advance(1)
  await Promise.all(loops)
  for (const side of ['read', 'write'] as const) {
    expect(granted.filter((one) => one.side === side).length).toBeGreaterThan(50)
  }
  for (const one of granted) {
    const overtook = granted.filter((other) => other.at < one.at && other.arrived > one.arrived)
    // Those that come in together may be heard of in any order.
    expect(overtook.length).toBeLessThan(clients.length)
  }
  expect(w.left()).toEqual([])
})

test('a dead reader is gone after its own ttl, whatever the others renew', async () => {
  const { w, clients } = await world(3)
  const dead = await ask(w, clients[0]!, 'read', { ttl: 2000 })
  const living = await ask(w, clients[1]!, 'read', { ttl: 9000 })
  clients[0]!.clock.freeze('stopped')
  await w.advance(1900)
  expect((await clients[2]!.locks.inspect('x')).holderCount).toBe(2)
  await w.advance(200)
  const { holders, holderCount } = await clients[2]!.locks.inspect('x')
  expect(holderCount).toBe(1)
  expect(holders.map(({ owner }) => owner)).toEqual([living.value.owner])
  expect(dead.state).toBe('done')
  // So a writer waits for the living one only: it is let in by its release, at once.
  await w.advance(20_000)
  living.value.assertHeld()
  const write = await ask(w, clients[2]!, 'write')
  await living.value.release()
  await w.advance()
  expect(write.state).toBe('done')
})

test('a writer waits for a dead reader no longer than for its lease', async () => {
  const { w, clients } = await world(3)
  const start = w.clock.monotonic()
  await ask(w, clients[0]!, 'read', { ttl: 3000 })
  const living = await ask(w, clients[1]!, 'read', { ttl: 9000 })
  clients[0]!.clock.freeze('stopped')
  const write = await ask(w, clients[2]!, 'write')
  await living.value.release()
  while (write.state === 'pending' && w.clock.monotonic() < start + 30_000) await w.advance(10)
  expect(w.clock.monotonic() - start).toBeGreaterThan(2900)
  expect(w.clock.monotonic() - start).toBeLessThan(3200)
})

test('readers with leases of different lengths do not disturb each other', async () => {
  const { w, clients } = await world(3)
  const locks = clients.map(({ locks: each }) => each.readWrite('x').read())
  const short = await locks[0]!.acquire({ ttl: 400 })
  const long = await locks[1]!.acquire({ ttl: 20_000 })
  const bare = await clients[2]!.locks.readWrite('x', { renew: false, ttl: 5000 }).read().acquire()
  await w.advance(4500)
  for (const lock of [short, long, bare]) lock.assertHeld()
  await w.advance(500)
  expect(bare.signal.aborted).toBe(true)
  await long.release()
  await w.advance(3000)
  // Nobody else's end, and no longer lease of another, has changed its own.
  short.assertHeld()
  expect(short.validFor).toBeLessThanOrEqual(400)
  const { holders } = await clients[0]!.locks.inspect('x')
  expect(holders).toHaveLength(1)
  expect(holders[0]!.remaining).toBeLessThanOrEqual(400)
})

test('inspect shows every reader, with its own lease and fence', async () => {
  const { w, clients } = await world(3)
  const a = await ask(w, clients[0]!, 'read', { ttl: 4000 })
  const b = await ask(w, clients[1]!, 'read', { ttl: 8000 })
  await ask(w, clients[2]!, 'write')
  const { holders, holderCount, waiters, fence } = await clients[2]!.locks.inspect('x')
  expect(holderCount).toBe(2)
  expect(holders.map(({ mode }) => mode)).toEqual(['shared', 'shared'])
  expect(holders.map(({ owner }) => owner)).toEqual([a.value.owner, b.value.owner])
  expect(holders.map((one) => one.fence)).toEqual([a.value.fence, b.value.fence])
  expect(holders[0]!.remaining).toBeLessThan(holders[1]!.remaining!)
  expect(waiters.map(({ mode }) => mode)).toEqual(['exclusive'])
  expect(fence).toBe(b.value.fence)
})

test('places of a dead process that are to read cost a claim each, between those of others', async () => {
  const { w, clients } = await world(4)
  const held = await ask(w, clients[0]!, 'write')
  await ask(w, clients[1]!, 'read')
  const second = await ask(w, clients[2]!, 'write')
  await ask(w, clients[1]!, 'read')
  const last = await ask(w, clients[3]!, 'write')
  clients[1]!.clock.freeze('stopped')
  await held.value.release()
  await w.advance(2020)
  expect(served(second, last)).toEqual([0])
  await second.value.release()
  await w.advance(2020)
  expect(served(second, last)).toEqual([1])
})

test('200 readers of one process who are let in come in by one question for each 64', async () => {
  const { w, clients } = await world(2)
  const [a, b] = clients as [(typeof clients)[0], (typeof clients)[0]]
  const write = await ask(w, a, 'write')
  const reads = Array.from({ length: 200 }, () =>
    w.watch(b.locks.readWrite('x').read().acquire({ wait: Infinity })),
  )
  await w.advance(50)
  const before = w.net.log.length
  await write.value.release()
  await w.advance(100)
  expect(served(...reads)).toHaveLength(200)
  const asked = w.net.log.slice(before).map(({ what, items }) => [what, items])
  // Each is told that the name is free and to go on: its answer is no sign that a message was lost.
  const go = ['acquire', 1]
  expect(asked).toEqual([['release', 1], go, go, go])
})
