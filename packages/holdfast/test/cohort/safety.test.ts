// What must not be handed on, and what comes late: review S2, S13, and the ends of a lease.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { believers, World, type SimClient } from '../kit/world.js'

const LOCAL = { localHandovers: 16 }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Everybody who has the lock, in order; the calls wait for as long as it takes. */
function contend(client: SimClient, count: number, options = {}): Lock[] {
  const locks: Lock[] = []
  const mutex = client.locks.mutex('a', { wait: Infinity, ...options })
  for (let i = 0; i < count; i++) void mutex.acquire().then((lock) => locks.push(lock))
  return locks
}

async function passOn(world: World, locks: Lock[], times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    void locks.at(-1)!.release()
    await world.advance()
  }
}

test('S2: once a release was sent for an owner id, nobody is made a holder under it', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const mine = contend(a, 30, { localHandovers: 1 })
  await world.advance()
  const before = contend(b, 1)
  await world.advance()
  const late = world.net.double('request', 'release')
  await passOn(world, mine, 2)
  await passOn(world, before)
  const [first, second, third] = mine
  expect(second!.owner).toBe(first!.owner)
  expect(third!.owner).not.toBe(first!.owner)
  const theirs = contend(b, 1)
  await world.advance()
  // A copy of the release that came first: it is of an id that is nobody's any more.
  late.release()
  await world.advance()
  expect(world.holder('a')).toBe(third!.owner)
  expect([theirs.length, believers(...mine)]).toEqual([0, 1])
})

test('a lease that was lost is handed to nobody: they ask for a new one', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine = contend(a, 3, { ttl: 1000 })
  await world.advance()
  const end = world.net.silence()
  await world.advance(1500)
  expect(mine[0]!.signal.aborted).toBe(true)
  expect((await mine[0]!.release()).released).toBe(false)
  expect(mine).toHaveLength(1)
  end()
  await world.advance(3000)
  expect(mine).toHaveLength(2)
  expect(mine[1]!.owner).not.toBe(mine[0]!.owner)
  await passOn(world, mine, 2)
  expect(mine).toHaveLength(3)
})

test('a lease of which a renewal failed is handed to nobody here', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine = contend(a, 2, { ttl: 3000 })
  await world.advance()
  world.net.drop('request', 'renew', { times: 1 })
  // The renewal is due at 1000, and its answer overdue at 1300.
  await world.advance(1305)
  expect(mine[0]!.isHeld).toBe(true)
  await passOn(world, mine)
  expect(mine[1]!.owner).not.toBe(mine[0]!.owner)
})

test('a lease that is half over is handed to nobody here, however that came', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine = contend(a, 2, { ttl: 3000 })
  await world.advance()
  // The event loop stands still: no renewal was due to be sent.
  world.clock.block(1600)
  await passOn(world, mine)
  expect(mine[1]!.owner).not.toBe(mine[0]!.owner)
})

test('a lock on which the server knows a wait to hang is not handed on here', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const other = world.watch(b.locks.mutex('b').acquire())
  await world.advance()
  let first: Lock | undefined
  const outer = world.watch(
    a.locks.mutex('a').use(async (lock) => {
      first = lock
      await a.locks.mutex('b', { wait: 60_000 }).acquire()
    }),
  )
  await world.advance()
  const mine = contend(a, 1)
  // It tells the server what it waits for.
  await world.advance(2000)
  expect(world.net.count('edge')).toBeGreaterThan(0)
  void first!.release()
  await world.advance()
  expect(mine[0]!.owner).not.toBe(first!.owner)
  void other.value.release()
  await world.advance(5000)
  expect(outer.state).toBe('done')
})

test('of those who have let go nothing is kept: not to renew, not to release, not by name', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine = contend(a, 10)
  await world.advance()
  await passOn(world, mine, 10)
  const releases = world.net.count('release')
  void a.locks.close()
  await world.advance()
  expect(world.net.count('release')).toBe(releases)

  const locks = world.client({}, LOCAL).locks
  // So that it can be told that somebody wants what it keeps.
  await locks.mutex('first', { linger: 1 }).use(() => {})
  await world.advance(2)
  const names = async (from: number): Promise<number> => {
    for (let i = from; i < from + 2000; i++) {
      const calls = [1, 2].map(() => locks.mutex(`name ${i}`, { linger: 1 }).use(() => {}))
      await Promise.all(calls)
    }
    await world.advance(2)
    world.server.flush()
    world.net.log.length = 0
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = await names(0)
  const grown = (await names(2000)) - before
  expect(grown).toBeLessThan(600_000)
})

test('who was asked to let go gives the lock to the server', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const mine = contend(a, 2)
  const theirs = contend(b, 1)
  await world.advance()
  await b.locks.revoke('a')
  await mine[0]!.verify()
  expect(mine[0]!.revoked.aborted).toBe(true)
  await passOn(world, mine)
  expect([mine.length, theirs.length]).toEqual([1, 1])
})

test('a renewal that is under way at a hand-over counts for whoever goes on', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine = contend(a, 5, { ttl: 3000 })
  await world.advance()
  const held = world.net.hold('reply', 'renew')
  await world.advance(1000)
  await passOn(world, mine, 3)
  expect(world.net.count('renew')).toBe(1)
  const before = mine.at(-1)!.validFor
  held.release()
  await world.advance()
  expect(mine.at(-1)!.validFor).toBeGreaterThan(before + 900)
  // And the next one comes a third of the lease after it.
  await world.advance(890)
  expect(world.net.count('renew')).toBe(1)
  await world.advance(120)
  expect(world.net.count('renew')).toBe(2)
})

test('an answer that the lease is gone ends it for whoever has it by then', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mine = contend(a, 2, { ttl: 3000 })
  await world.advance()
  const held = world.net.hold('reply', 'renew')
  // Somebody deletes the key.
  world.server.space.del('lock:a')
  await world.advance(1000)
  await passOn(world, mine)
  expect(mine[1]!.isHeld).toBe(true)
  held.release()
  await world.advance()
  expect(mine[1]!.signal.aborted).toBe(true)
})

test('an order to let go reaches whoever has the lock by then', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const mine = contend(a, 3)
  const theirs = contend(b, 1)
  await world.advance()
  await passOn(world, mine)
  await b.locks.forceRelease('a')
  await world.advance(10_000)
  expect(mine.map(({ signal }) => signal.aborted).slice(0, 2)).toEqual([false, true])
  expect(theirs.length).toBe(1)
})

test('who waits here subscribes: an order to let go comes by message, not with the next renewal', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const mine = contend(a, 1)
  await world.advance()
  contend(a, 3)
  await world.advance()
  await b.locks.forceRelease('a', { now: true })
  await world.advance()
  expect(mine[0]!.signal.aborted).toBe(true)
  expect(world.net.count('renew')).toBe(0)
})

test('who hands the lock over, or goes on as a reader, leaves the others to ask', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const mine = contend(a, 2)
  await world.advance()
  const token = mine[0]!.handOver()
  await world.advance()
  const taken = world.watch(b.locks.takeOver(await token))
  await world.advance()
  expect(mine).toHaveLength(1)
  expect(taken.state).toBe('done')
  void taken.value.release()
  await world.advance()
  expect(mine).toHaveLength(2)
})

test('close: the calls that wait are ended, and nothing is left', async () => {
  const world = new World()
  const a = world.client({}, LOCAL)
  const mutex = a.locks.mutex('a')
  const calls = Array.from({ length: 3 }, () => world.watch(mutex.acquire()))
  await world.advance()
  void a.locks.close()
  await world.advance()
  expect(calls.map(({ state }) => state)).toEqual(['done', 'failed', 'failed'])
  expect(calls[1]!.error.code).toBe('ERR_CLOSED')
  expect(world.left()).toEqual([])
  expect(world.clock.timers).toBe(0)
})
