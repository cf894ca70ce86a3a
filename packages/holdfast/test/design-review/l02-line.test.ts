// L1: the new head is told. L2: what the line is made of.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import type { Lock } from '../../src/index.js'
import { channelOfClient, ownerId, World, type Outcome } from '../kit/world.js'

/** A process that can be reached no more, and of which the server does not know it. */
function dies(w: World, at: number): void {
  w.clients[at]!.clock.freeze('stopped')
}

/** The first client holds x, the others stand in line, in their order. */
async function queue(w: World, count: number, ttl = 10_000): Promise<[Lock, Outcome<Lock>[]]> {
  const all = Array.from({ length: count }, () => w.client())
  const held = await all[0]!.locks.mutex('x').acquire({ ttl: 30_000 })
  const waits: Outcome<Lock>[] = []
  for (const { locks } of all.slice(1)) {
    waits.push(w.watch(locks.mutex('x').acquire({ ttl, wait: Infinity })))
    await w.advance(10)
  }
  return [held, waits]
}

test('L1: a dead waiter costs the next one a claim, not the old lease of the holder', async () => {
  const w = new World()
  const [held, [, next]] = await queue(w, 3)
  dies(w, 1)
  await held.release()
  await w.advance(1990)
  expect(next!.state).toBe('pending')
  await w.advance(60)
  expect(next!.state).toBe('done')
})

test('L1: each dead process costs one claim, where a live one stands between them', async () => {
  const w = new World()
  const [held, waits] = await queue(w, 5)
  for (const at of [1, 3]) dies(w, at)
  await held.release()
  await w.advance(2050)
  expect(waits[1]!.state).toBe('done')
  await waits[1]!.value.release()
  await w.advance(2050)
  expect(waits[3]!.state).toBe('done')
})

test('L1: neighbours in line that are dead cost one claim each', async () => {
  const w = new World()
  const [held, waits] = await queue(w, 5)
  for (const at of [1, 2, 3]) dies(w, at)
  await held.release()
  await w.advance(6500)
  expect(waits[3]!.state).toBe('done')
})

test('L1: they cost no more than the lease that was told, and a claim each', async () => {
  const w = new World()
  const [held, waits] = await queue(w, 5)
  for (const at of [1, 2, 3]) dies(w, at)
  await held.release()
  await w.advance(30_000 + 3 * 2000 + 3 * 500)
  expect(waits[3]!.state).toBe('done')
})

test('L1: one that took the claim, renewed it and died costs the rest of its own lease', async () => {
  const w = new World()
  const [held, [taker, next]] = await queue(w, 3, 5000)
  await held.release()
  await w.advance(700)
  expect(taker!.state).toBe('done')
  dies(w, 1)
  // The question at the end of the claim learns of the renewed lease, and asks at its end.
  await w.advance(5100)
  expect(next!.state).toBe('done')
})

test('L2a: a line whose waiters all died leaves no key', async () => {
  const w = new World()
  const [held] = await queue(w, 4)
  for (const at of [1, 2, 3]) dies(w, at)
  await held.release()
  await w.advance(60_000)
  expect(w.left()).toEqual([])
  await w.advance(600_000)
  expect(w.server.keys()).toEqual([])
})

test('L2a: the line outlives a hold of any length, by the questions of its waiters', async () => {
  const w = new World()
  const [held, waits] = await queue(w, 4)
  await w.advance(300_000)
  expect(w.line('x').length).toBe(3)
  await held.release()
  for (const wait of waits) {
    await w.advance()
    expect(wait.state).toBe('done')
    await wait.value.release()
  }
})

test('L2b: waiters send no heartbeat: the head asks when the lease should have ended', async () => {
  const w = new World()
  const [, waits] = await queue(w, 4)
  const before = w.net.count('acquire')
  await w.advance(300_000)
  expect(waits.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending'])
  // A lease of 30 s that is renewed each 10 s: a question at each end that was told, for each process.
  expect(w.net.count('acquire') - before).toBeLessThanOrEqual(3 * 16)
})

test('L2c: mode, ttl and claim of a waiter are kept for the hand-over', () => {
  const w = new World()
  w.ask('x', ownerId(1))
  w.ask('x', ownerId(2), { mode: 's', ttl: 7000, claim: 3000 })
  w.ask('x', ownerId(3), { mode: 's', ttl: 1000, claim: 3000 })
  w.release('x', ownerId(1))
  const shared = w.server.space.zset(keysOf('x', 'lock:')[3])
  expect(shared.score(ownerId(2))).toBe(w.serverMs + 3000)
  expect(shared.score(ownerId(3))).toBe(w.serverMs + 1000)
})

test('L2d: a server clock that steps back lets no newcomer overtake', () => {
  const w = new World()
  w.ask('x', ownerId(1), { ttl: 7_200_000 })
  w.ask('x', ownerId(2))
  w.serverStep = -3_600_000
  w.ask('x', ownerId(3))
  expect(w.line('x')).toEqual([ownerId(2), ownerId(3)])
})

test('L2d: nor does it let tokens go back', () => {
  const w = new World()
  const [, before] = w.ask('x', ownerId(1))
  w.release('x', ownerId(1))
  w.serverStep = -3_600_000
  const [, after] = w.ask('x', ownerId(2))
  expect(Number(after)).toBeGreaterThan(Number(before))
})

test('C2: a step forward that is corrected later takes no tokens back', () => {
  const w = new World()
  w.serverStep = 60_000
  const [, before] = w.ask('x', ownerId(1))
  w.release('x', ownerId(1))
  w.serverStep = 0
  const [, after] = w.ask('x', ownerId(2))
  expect(Number(after)).toBeGreaterThan(Number(before))
})

test('L2e: a waiter whose subscription blinked comes back to its old place', async () => {
  const w = new World()
  const [held, [blinked, next, last]] = await queue(w, 4)
  const blinking = w.clients[1]!.port
  blinking.cutPushes()
  await held.release()
  await w.advance()
  // Skipped, as if it were dead.
  expect(next!.state).toBe('done')
  blinking.mendPushes()
  await w.advance()
  await next!.value.release()
  await w.advance()
  expect([blinked!.state, last!.state]).toEqual(['done', 'pending'])
})

test('L2e: waiters whose line was lost come back in their old order', async () => {
  const w = new World()
  const [held, waits] = await queue(w, 4)
  const before = w.line('x')
  w.server.del(keysOf('x', 'lock:')[2])
  for (const { port } of w.clients.slice(1).toReversed()) port.mendPushes()
  await w.advance()
  expect(w.line('x')).toEqual(before)
  await held.release()
  await w.advance()
  expect(waits.map(({ state }) => state)).toEqual(['done', 'pending', 'pending'])
})

test('L2: a waiter that was seen subscribed says so for the run of each question', () => {
  const w = new World()
  const unsubscribe = w.server.subscribe(channelOfClient(2), () => undefined)
  w.ask('x', ownerId(1))
  w.ask('x', ownerId(2))
  w.ask('x', ownerId(3))
  unsubscribe()
  // It asked again while it was not subscribed: nothing is known of it.
  w.ask('x', ownerId(2))
  w.release('x', ownerId(1))
  expect(w.holder('x')).toBe(ownerId(2))
})
