// S1: PUBLISH = 0 does not mean "not delivered".
import { expect, test } from 'vitest'
import { believers, channelOfClient, ownerId, World } from '../kit/world.js'

const [holder, first, second] = [ownerId(1), ownerId(2), ownerId(3)]

test('S1: a waiter that was never seen subscribed gets its claim, whatever the count says', () => {
  const w = new World()
  w.server.subscribe(channelOfClient(3), () => undefined)
  w.ask('x', holder)
  w.ask('x', first)
  w.ask('x', second)
  w.release('x', holder)
  expect(w.holder('x')).toBe(first)
})

test('S1: who was seen subscribed on this run and is gone is skipped, without a message', () => {
  const w = new World()
  const published: string[] = []
  w.net.subscribeFar(channelOfClient(2), (message) => published.push(message))
  const unsubscribe = w.server.subscribe(channelOfClient(2), () => undefined)
  w.ask('x', holder)
  w.ask('x', first)
  w.ask('x', second)
  unsubscribe()
  w.release('x', holder)
  expect(w.holder('x')).toBe(second)
  expect(published).toEqual([])
})

test('S1: a subscription seen on another server run skips nobody on this one', () => {
  const w = new World()
  const unsubscribe = w.server.subscribe(channelOfClient(2), () => undefined)
  w.ask('x', holder)
  w.ask('x', first)
  w.ask('x', second)
  // A failover that kept everything: the subscriber may well hang on the new server's replica.
  w.server.runId = 'run2run2run2run2'
  unsubscribe()
  w.release('x', holder)
  expect(w.holder('x')).toBe(first)
})

test('S1: where INFO is forbidden no run is known, and the count skips nobody', () => {
  const w = new World()
  w.server.infoFails = true
  const unsubscribe = w.server.subscribe(channelOfClient(2), () => undefined)
  w.ask('x', holder)
  w.ask('x', first)
  w.ask('x', second)
  unsubscribe()
  w.release('x', holder)
  expect(w.holder('x')).toBe(first)
})

test('S1: a waiter whose subscription hangs on another node is handed the lock, and runs alone', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  b.port.elsewhere = true
  const held = await a.locks.mutex('x').acquire()
  const far = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  const near = w.watch(c.locks.mutex('x').acquire())
  await w.advance()
  await held.release()
  await w.advance()
  expect(far.state).toBe('done')
  expect(near.state).toBe('pending')
  expect(believers(far.value, near.value)).toBe(1)
  await far.value.release()
  await w.advance()
  expect(near.state).toBe('done')
})

test('S1: a grant that was published is never taken back before its expiry', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  b.port.elsewhere = true
  const held = await a.locks.mutex('x').acquire()
  const late = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  const other = w.watch(c.locks.mutex('x').acquire())
  await w.advance()
  const push = w.net.hold('push', 'grant', { of: b })
  await held.release()
  // Nobody has taken the message, as far as the server can tell, and others ask meanwhile.
  expect(await a.locks.mutex('x').tryAcquire()).toBe(null)
  c.port.cutPushes()
  c.port.mendPushes()
  await w.advance(1500)
  expect(await a.locks.mutex('x').tryAcquire()).toBe(null)
  expect(other.state).toBe('pending')
  push.release()
  await w.advance()
  expect(late.state).toBe('done')
  expect(believers(late.value, other.value)).toBe(1)
})
