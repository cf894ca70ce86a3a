// The line of one process: what it was told, whose places were lost, and when it asks.
import { expect, test, vi } from 'vitest'
import type { Lock } from '../../src/index.js'
import { ownerId, World, type Outcome, type SimClient } from '../kit/world.js'

/** The question of a waiter that stands in line. */
const standing = ({ args }: { args: readonly string[] }): boolean => args[6] === '1'

async function waits(w: World, client: SimClient, count: number): Promise<Outcome<Lock>[]> {
  const all: Outcome<Lock>[] = []
  for (let i = 0; i < count; i++) {
    all.push(w.watch(client.locks.mutex('x').acquire({ wait: '120s' })))
    await w.advance(1)
  }
  return all
}

/** They get the lock one by one, each as soon as the one before it lets go. */
async function inTurn(w: World, all: readonly Outcome<Lock>[]): Promise<void> {
  for (const [i, one] of all.entries()) {
    expect(all.map(({ state }) => state === 'done')).toEqual(all.map((_, j) => j <= i))
    await w.advance(100)
    await one.value.release()
    await w.advance()
  }
}

test('a line that was flushed: who is granted by its own question takes the others along', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire({ ttl: '5s' })
  const all = await waits(w, b, 3)
  a.clock.freeze('stopped')
  w.server.flush()
  while (all[0]!.state === 'pending' && w.clock.monotonic() < 10_000) await w.advance(10)
  // They ask now, not when the new lease should have ended.
  expect(w.line('x').length).toBe(2)
  await inTurn(w, all)
})

test('the same when a blink of the subscriber made the server skip them all', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '5s' })
  const all = await waits(w, b, 3)
  const blink = vi.spyOn(w.server, 'subscribers').mockReturnValue(0)
  await held.release()
  blink.mockRestore()
  await w.advance()
  expect([w.holder('x'), w.line('x')]).toEqual([null, []])
  while (all[0]!.state === 'pending' && w.clock.monotonic() < 10_000) await w.advance(10)
  expect(w.line('x').length).toBe(2)
  await inTurn(w, all)
})

test('an answer that is older than "you are first" does not take its news back', async () => {
  const w = new World()
  const [a, dead, b] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '30s' })
  await waits(w, dead, 1)
  const [first] = await waits(w, b, 1)
  // The question of another waiter of the process: "a holder for 30 s", said before the release.
  const reply = w.net.hold('reply', 'acquire', { of: b, when: standing })
  const [second] = await waits(w, b, 1)
  expect(reply.count).toBe(1)
  dead.clock.freeze('stopped')
  await held.release()
  await w.advance()
  reply.release()
  await w.advance(2500)
  expect([first!.state, second!.state]).toEqual(['done', 'pending'])
})

test('what another run says counts, though its clock is behind', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire({ ttl: '60s' })
  const [wait] = await waits(w, b, 1)
  a.clock.freeze('stopped')
  w.serverStep = -3_600_000
  w.server.flush()
  w.server.runId = 'run2run2run2run2'
  w.ask('x', ownerId(0xd), { ttl: 3000 })
  b.port.mendPushes()
  await w.advance(3500)
  expect(wait!.state).toBe('done')
})

test('nor does a message of another run count less, because its clock is behind', async () => {
  const w = new World()
  const [a, dead, b] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire({ ttl: '60s' })
  await waits(w, dead, 1)
  const [wait] = await waits(w, b, 1)
  dead.clock.freeze('stopped')
  // A failover to a server that has all the keys.
  w.serverStep = -3_600_000
  w.server.runId = 'run2run2run2run2'
  await held.release()
  await w.advance(2500)
  expect(wait!.state).toBe('done')
})

test('a server clock that steps back, in the same run, makes no storm of questions', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  await waits(w, b, 1)
  w.serverStep = -60_000
  const before = w.net.count('acquire', b)
  await w.advance(60_000)
  expect(w.net.count('acquire', b) - before).toBeLessThan(20)
})

test('far back in a line that is gone it asks within one claim of the end', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const places = Array.from({ length: 40 }, (_, i) => ownerId(0xd, i + 1))
  await a.locks.mutex('x', { renew: false }).acquire()
  for (const owner of places) w.ask('x', owner)
  const [wait] = await waits(w, b, 1)
  expect(w.line('x').length).toBe(41)
  // All but the head leave; nobody tells the last one.
  for (const owner of places.slice(1)) w.release('x', owner)
  expect(w.line('x').length).toBe(2)
  a.clock.freeze('stopped')
  await w.advance(10_000 - w.clock.monotonic())
  const before = w.net.count('acquire', b)
  await w.advance(2010)
  expect(w.net.count('acquire', b)).toBeGreaterThan(before)
  // The dead head had its claim; then it is ours.
  await w.advance(2100)
  expect(wait!.state).toBe('done')
})
