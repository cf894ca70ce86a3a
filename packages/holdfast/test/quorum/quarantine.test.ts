// A server that lost its memory grants nothing while leases that it forgot may live.
import { expect, test } from 'vitest'
import { Servers } from './kit.js'

const ready = { quarantine: 5000 }
const ttl = 2000

test('without bootstrap() the first start waits for one quarantine', async () => {
  const w = new Servers(3)
  const { locks } = w.client(ready)
  const refused = w.watch(locks.mutex('a', { ttl }).acquire({ wait: 0 }))
  await w.advance(100)
  expect(refused.error).toMatchObject({ code: 'ERR_NO_QUORUM' })
  expect(refused.error.nodes![0]!.reason).toMatch(/in quarantine for 5000 ms more.*bootstrap\(\)/)
  const waits = w.watch(locks.mutex('a', { ttl }).acquire({ wait: 10_000 }))
  await w.advance(4800)
  expect(waits.state).toBe('pending')
  await w.advance(1500)
  expect(waits.state).toBe('done')
})

test('bootstrap() does nothing where one server grants already', async () => {
  const w = new Servers(3)
  const { locks } = await w.started(ready)
  w.server(2).restart()
  expect(await w.after(locks.bootstrap())).toBe(false)
  const lock = await w.after(locks.mutex('a', { ttl }).acquire())
  expect(w.holders('a')).toEqual([lock.owner, lock.owner, null])
})

test('bootstrap() needs every server', async () => {
  const w = new Servers(3)
  w.nets[1]!.silence()
  const failed = w.watch(w.client(ready).locks.bootstrap())
  await w.advance(1100)
  expect(failed.error).toMatchObject({
    code: 'ERR_NO_QUORUM',
    nodes: [{ node: 'node 2 of 3 (sim)' }],
  })
})

test.each(['restart', 'flush'] as const)(
  'the delayed restart of Redlock by itself: %s of one server that a lock counts on',
  async (how) => {
    const w = new Servers(3)
    const { locks } = await w.started(ready)
    const other = w.client(ready).locks
    w.nets[2]!.drop('request', 'q_acquire')
    const first = await w.after(locks.mutex('a', { ttl, renew: false }).acquire())
    expect(w.holders('a')).toEqual([first.owner, first.owner, null])
    w.server(1)[how]()
    // Two of three are free now: yet one of them does not vote.
    expect(await w.after(other.mutex('a', { ttl }).tryAcquire(), 300)).toBeNull()
    const next = w.watch(other.mutex('a', { ttl }).acquire())
    let both = false
    while (next.state === 'pending') {
      await w.advance(1)
      both ||= first.isHeld && next.state !== 'pending'
    }
    expect(both).toBe(false)
    expect(next.value.fence).toBeGreaterThan(first.fence)
  },
)

test('all memory lost: tokens do not go back', async () => {
  const w = new Servers(3)
  const { locks } = await w.started(ready)
  const before = await w.after(locks.mutex('a', { ttl }).acquire())
  for (const { server } of w.nets) server.restart()
  await w.advance(ttl)
  expect(before.isHeld).toBe(false)
  const after = w.watch(locks.mutex('a', { ttl }).acquire({ wait: 20_000 }))
  await w.advance(8000)
  expect(after.state).toBe('done')
  expect(after.value.fence).toBeGreaterThan(before.fence)
})

test('an older epoch is shut out, a newer one begins with a quarantine', async () => {
  const w = new Servers(3)
  const old = await w.started(ready)
  const { locks } = w.client({ ...ready, epoch: 1 })
  const early = w.watch(locks.mutex('a', { ttl }).acquire({ wait: 0 }))
  await w.advance(50)
  expect(early.error.nodes![0]!.reason).toMatch(/quarantine/)
  const shut = w.watch(old.locks.mutex('a', { ttl }).acquire({ wait: 0 }))
  await w.advance(50)
  expect(shut.error).toMatchObject({ code: 'ERR_CONFIG' })
  expect(shut.error.message).toMatch(/the epoch of this node is 1, and not 0/)
  await w.advance(5000)
  expect((await w.after(locks.mutex('a', { ttl }).acquire())).isHeld).toBe(true)
})

test('everybody has the same quarantine', async () => {
  const w = new Servers(3)
  await w.started(ready)
  const other = w.client({ quarantine: 7000 })
  const refused = w.watch(other.locks.mutex('a', { ttl }).acquire({ wait: 0 }))
  await w.advance(50)
  expect(refused.error).toMatchObject({ code: 'ERR_CONFIG' })
  expect(refused.error.message).toMatch(/the quarantine of this node is 5000 ms, and not 7000/)
})

test('no lease may outlive a quarantine', async () => {
  const w = new Servers(3)
  const { locks } = await w.started(ready)
  const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  expect(() => locks.mutex('a', { ttl: 4990 })).toThrow(invalid)
  expect(() => locks.mutex('a', { ttl: 4000, lockDelay: 2000 })).toThrow(invalid)
  expect(() => locks.mutex('a', { holdAtLeast: 6000 })).toThrow(/at most 4948 ms/)
  // The default is what is allowed.
  const lock = await w.after(locks.mutex('a').acquire())
  await expect(lock.extend(6000)).rejects.toThrow(invalid)
  expect(lock.validFor).toBeGreaterThan(4000)
})

test('strictFailover: another run of the one server grants nothing until the old leases have ended', async () => {
  const w = new Servers(1)
  const options = { ...ready, strictFailover: true }
  const { locks } = await w.started(options)
  const other = w.client(options).locks
  const lock = await w.after(locks.mutex('a', { ttl }).acquire())
  // Promoted: the same keys, another run; the old primary may serve others still.
  w.server(0).runId = 'run9run9run9run9'
  const next = w.watch(other.mutex('a', { ttl }).acquire({ wait: 20_000 }))
  await w.advance(ttl)
  // Renewals are refused as well, so that it is lost here before anybody else may have it.
  expect(lock.isHeld).toBe(false)
  expect(next.state).toBe('pending')
  await w.advance(2900)
  expect(next.state).toBe('pending')
  await w.advance(1500)
  expect(next.state).toBe('done')
  expect(next.value.fence).toBeGreaterThan(lock.fence)
})

test('in a quarantine a release only deletes: the first in line is not let in by it', async () => {
  const w = new Servers(1)
  const options = { ...ready, strictFailover: true }
  const { locks } = await w.started(options)
  const other = w.client(options).locks
  const lock = await w.after(locks.mutex('a', { ttl }).acquire())
  const next = w.watch(other.mutex('a', { ttl }).acquire({ wait: 20_000 }))
  await w.advance(100)
  w.server(0).runId = 'run9run9run9run9'
  await w.after(lock.release())
  await w.advance(1000)
  expect([next.state, w.holders('a')]).toEqual(['pending', [null]])
  await w.advance(5000)
  expect(next.state).toBe('done')
})
