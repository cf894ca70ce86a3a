// What is carried out at a node after its call is over leaves nothing there.
import { expect, test, vi } from 'vitest'
import { Bids } from '../../src/quorum/bids.js'
import { Servers } from './kit.js'

test('a late request of a wait that was called off keeps no place in line', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const other = w.client()
  const lock = await w.after(locks.mutex('a').acquire(), 1)
  const first = w.watch(other.locks.mutex('a').acquire({ wait: 20 }))
  await w.advance(50)
  expect(first.state).toBe('failed')
  const held = w.nets[2]!.hold('request', 'q_acquire')
  const calls = new AbortController()
  const second = w.watch(other.locks.mutex('a').acquire({ signal: calls.signal }))
  await w.advance(20)
  calls.abort()
  await w.advance(20)
  expect([second.state, held.count]).toEqual(['failed', 1])
  held.release()
  await w.advance(20)
  await w.after(lock.release(), 20)
  expect(w.left()).toEqual([])
})

test('a late vote for a reader whose answer is lost is taken back', async () => {
  const w = new Servers(3)
  const { locks } = await w.started()
  const writer = locks.mutex('r')
  // A majority is a writer's; the third node hears of both too late.
  w.nets[2]!.drop('request', 'q_acquire')
  const lock = await w.after(writer.acquire(), 1)
  const held = w.nets[2]!.hold('request', 'q_acquire')
  w.nets[2]!.drop('reply', 'q_acquire', { times: 2 })
  const reader = w.client().locks.readWrite('r').read()
  expect(await w.after(reader.tryAcquire(), 20)).toBeNull()
  held.release()
  await w.advance(600)
  await w.after(lock.release(), 20)
  expect(w.left()).toEqual([])
})

test('what is known of a refused takeOver is forgotten', async () => {
  const added = vi.spyOn(Bids.prototype, 'add')
  try {
    const w = new Servers(3)
    const { locks } = await w.started()
    const lock = await w.after(locks.mutex('a').acquire(), 1)
    const token = await w.after(lock.handOver(), 1)
    const other = w.client().locks
    await w.after((await w.after(other.takeOver(token), 1)).release(), 1)
    const refused = w.watch(other.takeOver(token))
    await w.advance(10)
    expect(refused.error).toMatchObject({ code: 'ERR_LOST' })
    const bids = added.mock.results.map(({ value }) => value as ReturnType<Bids['add']>)
    expect(bids.filter(({ until }) => until === Infinity)).toEqual([])
  } finally {
    added.mockRestore()
  }
})

test('a release to servers that are gone is tried by one timer for each of them', async () => {
  const w = new Servers(3)
  const client = await w.started()
  const lock = await w.after(client.locks.mutex('a').acquire(), 1)
  const ends = w.nets.map((net) => net.silence())
  await w.after(lock.release(), 600)
  await w.advance(5000)
  expect(client.clock.timers).toBeLessThanOrEqual(8)
  for (const end of ends) end()
  await w.advance(5000)
  expect([w.left(), client.clock.timers]).toEqual([[], 0])
})
