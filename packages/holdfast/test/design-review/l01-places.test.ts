// L1, I5: a process that died with several places in line costs the others one claim, once.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { channelOfClient, ownerId, World, type Outcome } from '../kit/world.js'
import { keysOf } from '../../src/kernel/names.js'

/** Process 0 holds x for 30 s; then the others stand in line, by the number of their process. */
async function queue(w: World, places: number[]): Promise<[Lock, Outcome<Lock>[]]> {
  const all = Array.from({ length: Math.max(...places) + 1 }, () => w.client())
  const held = await all[0]!.locks.mutex('x').acquire({ ttl: 30_000 })
  const waits: Outcome<Lock>[] = []
  for (const place of places) {
    waits.push(w.watch(all[place]!.locks.mutex('x').acquire({ wait: Infinity })))
    await w.advance(10)
  }
  return [held, waits]
}

test('L1: three places of a dead process cost one claim, and not the old lease', async () => {
  const w = new World()
  const [held, waits] = await queue(w, [1, 1, 1, 2])
  w.clients[1]!.clock.freeze('stopped')
  await held.release()
  await w.advance(2050)
  expect(waits[3]!.state).toBe('done')
})

test('L1: nor do its places further back cost another one', async () => {
  const w = new World()
  const [held, waits] = await queue(w, [1, 2, 1, 3])
  w.clients[1]!.clock.freeze('stopped')
  await held.release()
  await w.advance(2050)
  expect(waits[1]!.state).toBe('done')
  await waits[1]!.value.release()
  await w.advance(50)
  expect(waits[3]!.state).toBe('done')
})

test('L1: a process that was only slow comes back to its old places', async () => {
  const w = new World()
  const [held, waits] = await queue(w, [1, 1, 2, 3])
  w.net.drop('push', 'grant', { of: w.clients[1]! })
  await held.release()
  await w.advance(2050)
  // Its first claim ran out unheard, and its second place was passed over.
  expect(waits[2]!.state).toBe('done')
  w.clients[1]!.port.mendPushes()
  await w.advance(4000)
  await waits[2]!.value.release()
  await w.advance(50)
  // The second place is as old as it was; the lapsed claim's owner goes to the end.
  expect([waits[0]!.state, waits[1]!.state, waits[3]!.state]).toEqual([
    'pending',
    'done',
    'pending',
  ])
  await waits[1]!.value.release()
  await w.advance(50)
  expect([waits[0]!.state, waits[3]!.state]).toEqual(['pending', 'done'])
  await waits[3]!.value.release()
  await w.advance(50)
  expect(waits[0]!.state).toBe('done')
})

test('S7: a force that comes late spares whoever holds by then', async () => {
  const w = new World()
  const [a, b, admin] = [w.client(), w.client(), w.client()]
  const first = await a.locks.mutex('x').acquire()
  const force = w.net.hold('request', 'force')
  const forcing = w.watch(admin.locks.forceRelease('x', { now: true }))
  await w.advance(10)
  await first.release()
  const second = await b.locks.mutex('x').acquire()
  force.release()
  await w.advance(10)
  expect(forcing.state).toBe('done')
  expect(second.signal.aborted).toBe(false)
  expect(w.holder('x')).toBe(second.owner)
})

test('L1: a claim that was released in time is not taken for one that ran out', () => {
  const w = new World()
  const subscribe = (client: number): void =>
    void w.server.subscribe(channelOfClient(client), () => undefined)
  for (const client of [2, 3]) subscribe(client)
  w.ask('x', ownerId(1))
  w.ask('x', ownerId(2))
  w.release('x', ownerId(1))
  expect(w.release('x', ownerId(2))[0]).toBe('released')
  w.server.set(keysOf('x', 'lock:')[0], 'somebody else', 1000)
  w.ask('x', ownerId(2, 2))
  w.ask('x', ownerId(3))
  w.clock.block(1001)
  w.ask('x', ownerId(3))
  expect(w.holder('x')).toBe(ownerId(2, 2))
})
