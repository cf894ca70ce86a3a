// With the first majority either way there is a verdict; what a lost round left is taken back.
import { expect, test } from 'vitest'
import type { HoldfastError } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { Servers } from './kit.js'

const foreign = (w: Servers, node: number, name: string, ms = 60_000): void =>
  w.server(node).set(keysOf(name, 'lock:')[0], 'somebody', ms)

test('a quorum of five does not wait for the two slowest, to acquire nor to release', async () => {
  const w = new Servers(5)
  const { locks } = await w.started()
  const delays = [1, 4, 9, 300, 400]
  delays.forEach((ms, i) => w.nets[i]!.delay('reply', '*', ms, { times: Infinity }))
  const taken = w.watch(locks.mutex('a').acquire())
  await w.advance(9)
  expect(taken.state).toBe('done')
  const released = w.watch(taken.value.release())
  await w.advance(9)
  expect(released.value).toEqual({ released: true })
  expect([w.count('q_acquire'), w.count('q_release')]).toEqual([5, 5])
  await w.advance(500)
  expect(w.left()).toEqual([])
})

test('an even split is a no at once, and leaves nothing', async () => {
  const w = new Servers(2)
  const { locks } = await w.started()
  foreign(w, 1, 'a')
  expect(await w.after(locks.mutex('a').tryAcquire(), 1)).toBeNull()
  await w.advance(100)
  expect(w.holders('a')).toEqual([null, 'somebody'])
})

test('a node that answers too late holds nothing afterwards', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  foreign(w, 0, 'a')
  // Granted there, and the answer comes after the verdict.
  w.nets[1]!.delay('reply', 'q_acquire', 2000)
  foreign(w, 2, 'a')
  expect(await w.after(locks.mutex('a').tryAcquire(), 1)).toBeNull()
  await w.advance(100)
  expect(w.holders('a')).toEqual(['somebody', null, 'somebody'])
})

test('a request that is carried out after it was taken back is refused (a tombstone)', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  foreign(w, 0, 'a')
  foreign(w, 2, 'a')
  const held = w.nets[1]!.hold('request', 'q_acquire')
  expect(await w.after(locks.mutex('a').tryAcquire(), 1)).toBeNull()
  await w.advance(20)
  expect(w.nets[1]!.count('q_release')).toBe(1)
  held.release()
  await w.advance(20)
  expect(w.holders('a')[1]).toBeNull()
})

test('too few servers: each one says why', async () => {
  const w = new Servers(3)
  const { locks, ports } = await w.started({ nodeTimeout: 100 })
  w.nets[0]!.silence()
  ports[1]!.ready = false
  const failed = w.watch(locks.mutex('a').acquire({ wait: 0 }))
  await w.advance(101)
  expect(failed.error).toMatchObject({
    code: 'ERR_NO_QUORUM',
    nodes: [
      {
        node: 'node 1 of 3 (sim)',
        code: 'ERR_UNAVAILABLE',
        reason: expect.stringContaining('100'),
      },
      { node: 'node 2 of 3 (sim)', reason: expect.stringContaining('not ready') },
    ],
  })
  expect(failed.error.message).toMatch(/2 of 3 servers are needed, and 2 could not be used/)
  ports[1]!.ready = true
  await w.advance(5000)
  expect(w.holders('a').slice(1)).toEqual([null, null])
})

test('one server of three is enough to lose, and not to fail', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  w.nets[2]!.silence()
  const lock = await w.after(locks.mutex('a').acquire(), 1)
  await w.advance(30_000)
  expect(lock.isHeld).toBe(true)
  expect(await w.after(lock.release(), 1)).toEqual({ released: true })
})

test('the same server twice is refused', async () => {
  const w = new Servers(3)
  w.server(2).runId = w.server(0).runId
  const { locks } = w.client({ quarantine: 0 })
  const failed = w.watch(locks.mutex('a').acquire({ wait: 0 }))
  await w.advance(10)
  const both = failed.state === 'failed' ? failed.error : null
  // Two others are a majority: then the third one is told apart, and not counted.
  expect(both === null || both.code === 'ERR_CONFIG').toBe(true)
  w.nets[1]!.silence()
  const next = w.watch(locks.mutex('b').acquire({ wait: 0 }))
  await w.advance(1100)
  expect(next.error.nodes?.map(({ reason }) => reason).join()).toMatch(/the same server as node 1/)
})

test('a lease that is all but over when its majority comes is no lock', async () => {
  const w = new Servers(3)
  const { locks } = await w.started({ nodeTimeout: 5000 })
  for (const net of w.nets) net.delay('reply', 'q_acquire', 990)
  const late = w.watch(locks.mutex('a', { ttl: 1000 }).acquire({ wait: 0 }))
  await w.advance(1000)
  expect((late.error as HoldfastError).message).toMatch(/too late/)
  await w.advance(1000)
  expect(w.left()).toEqual([])
})

test('the lease ends with the majority: at the latest end that two of three reach', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const lock = await w.after(locks.mutex('a', { renew: false }).acquire())
  w.server(0).del(keysOf('a', 'lock:')[0])
  await w.advance(1000)
  // Shorter where one ends earlier: of the two that answer the shorter counts.
  w.nets[2]!.drop('request', 'q_renew')
  const extended = w.watch(lock.extend(20_000))
  await w.advance(1100)
  expect(extended.state).toBe('done')
  expect(lock.validFor).toBeGreaterThan(17_000)
})

test('a wait that is over says who holds, also where the first to answer does not know', async () => {
  const w = new Servers(3)
  const { locks: a } = await w.started({ label: 'a' })
  const { locks: b } = w.client()
  // Held by two of three: the first one was somebody else's for a moment.
  foreign(w, 0, 'a', 2)
  await w.after(a.mutex('a').acquire(), 1)
  await w.advance(10)
  expect(w.holders('a').map((owner) => owner !== null)).toEqual([false, true, true])
  const waits = w.watch(b.mutex('a').acquire({ wait: 250 }))
  for (const node of [1, 2]) w.nets[node]!.delay('reply', 'q_release', 1)
  await w.advance(260)
  expect(waits.error).toMatchObject({ code: 'ERR_TIMEOUT', holder: { label: 'a' } })
  expect(waits.error).toMatchObject({ remaining: expect.any(Number) })
})
