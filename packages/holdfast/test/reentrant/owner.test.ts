// Handles that re-enter by an explicit owner.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { one, refusal } from './kit.js'

test('the same owner re-enters at once, and the last release releases', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const first = await m.acquire({ owner })
  const second = await m.acquire({ owner })
  const third = (await a.locks.mutex('x', { reentrant: true }).tryAcquire({ owner }))!
  expect(new Set([first, second, third].map(({ fence }) => fence)).size).toBe(1)
  expect(third.signal).toBe(first.signal)
  expect(third.holdCount).toBe(3)
  expect(w.net.count('acquire')).toBe(1)
  // Any of them may be the last, and each counts once.
  expect(await first.release()).toEqual({ released: false, reason: 'held' })
  expect(await first.release()).toEqual({ released: false, reason: 'held' })
  expect([first.isHeld, first.holdCount, first.validFor]).toEqual([false, 0, 0])
  expect(() => first.assertHeld()).toThrow(/released/)
  expect(await refusal(first.verify())).toMatchObject({ code: 'ERR_LOST' })
  expect([third.isHeld, third.holdCount]).toEqual([true, 2])
  expect(await third.release()).toEqual({ released: false, reason: 'held' })
  expect(w.net.count('release')).toBe(0)
  expect(w.holder('x')).toBe(second.owner)
  expect(await second.release()).toEqual({ released: true })
  expect(w.net.count('release')).toBe(1)
  expect(w.left()).toEqual([])
  const anew = await m.acquire({ owner })
  expect(anew.fence).toBeGreaterThan(first.fence)
  expect(anew.holdCount).toBe(1)
})

test('another owner, and no owner, wait in line', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const held = await m.acquire({ owner })
  const again = await m.acquire({ owner })
  expect(await m.tryAcquire({ owner: a.locks.owner() })).toBe(null)
  expect(await m.tryAcquire()).toBe(null)
  const other = w.watch(m.acquire({ owner: a.locks.owner() }))
  const none = w.watch(m.acquire())
  await w.advance(100)
  expect(w.line('x').length).toBe(2)
  await held.release()
  await w.advance()
  expect(other.state).toBe('pending')
  await again.release()
  await w.advance()
  expect([other.state, none.state]).toEqual(['done', 'pending'])
  await other.value.release()
  await w.advance()
  expect(none.value.holdCount).toBe(1)
})

test('calls of one owner at the same time: one asks, the others re-enter', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const plain = await a.locks.mutex('x').acquire()
  const calls = w.watch(Promise.all([m.acquire({ owner }), m.acquire({ owner })]))
  const short = w.watch(m.acquire({ owner, wait: 100 }))
  const none = w.watch(m.tryAcquire({ owner }))
  const controller = new AbortController()
  const aborted = w.watch(m.acquire({ owner, signal: controller.signal }))
  await w.advance(100)
  controller.abort('enough')
  await w.advance()
  expect(w.line('x').length).toBe(1)
  expect(short.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect([none.value, aborted.error]).toEqual([null, 'enough'])
  await plain.release()
  await w.advance()
  expect(calls.value.map(({ holdCount }) => holdCount)).toEqual([2, 2])
})

test('if the one that asks gives up, the next one asks, for what is left of its wait', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  await a.locks.mutex('x').acquire()
  const first = w.watch(m.acquire({ owner, wait: 1000 }))
  const second = w.watch(m.acquire({ owner, wait: 3000 }))
  await w.advance(2000)
  expect(first.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(second.state).toBe('pending')
  await w.advance(1050)
  expect(second.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(w.line('x')).toEqual([])
})

test('after a loss: ERR_LOST until its handles are released, then anew', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const options = { owner, ttl: 1000 }
  const [first, second] = [await m.acquire(options), await m.acquire(options)]
  w.clock.block(2000)
  expect(await refusal(m.acquire({ owner }))).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
  expect(await first.release()).toEqual({ released: false, reason: 'lost' })
  expect(await refusal(m.tryAcquire({ owner }))).toMatchObject({ code: 'ERR_LOST' })
  expect(await second.release()).toEqual({ released: false, reason: 'lost' })
  const anew = await m.acquire({ owner })
  expect(anew.fence).toBeGreaterThan(first.fence)
})

test('await using counts down; close ends all handles', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const held = await m.acquire({ owner })
  {
    await using again = await m.acquire({ owner })
    expect(again.holdCount).toBe(2)
  }
  expect(held.holdCount).toBe(1)
  const waiting = refusal(m.acquire({ owner: a.locks.owner() }))
  await w.advance()
  await a.locks.close()
  expect(held.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
  expect(await waiting).toMatchObject({ code: 'ERR_CLOSED' })
  expect(await refusal(m.acquire({ owner }))).toMatchObject({ code: 'ERR_CLOSED' })
  expect(w.left()).toEqual([])
})

test('a renewed lease goes on for as long as one handle is left', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const [first, second] = [await m.acquire({ owner }), await m.acquire({ owner })]
  await first.release()
  await w.advance(60_000)
  expect(second.isHeld).toBe(true)
  await second.release()
  expect(w.clock.timers).toBe(0)
})

test('misuse is ERR_INVALID_ARGUMENT', async () => {
  const { a, m } = one()
  const owner = a.locks.owner()
  const other = Holdfast.inMemory().owner()
  const wrong = (options: unknown): never => options as never
  const { locks } = a
  const calls: [() => Promise<unknown>, RegExp][] = [
    [() => locks.mutex('x').acquire({ owner: other }), /same Holdfast/],
    [() => locks.mutex('x').tryAcquire({ owner: wrong(1) }), /same Holdfast/],
    [() => locks.mutex('x').use(() => {}, wrong({ owner })), /acquire and tryAcquire/],
    [() => m.use(() => {}, wrong({ owner })), /acquire and tryAcquire/],
    [() => m.tryUse(() => {}, wrong({ owner })), /acquire and tryAcquire/],
    [() => m.acquire({ owner: other }), /same Holdfast/],
    [() => m.acquire({ owner: wrong({}) }), /same Holdfast/],
    [() => m.acquire({ owner: wrong(null) }), /same Holdfast/],
    [() => m.acquire(wrong(null)), /an object of options/],
    [() => m.tryAcquire(wrong({ owner, wait: 1 })), /options.wait/],
    [async () => locks.mutex('x', wrong({ reentrant: 1 })), /true or false/],
  ]
  for (const [call, message] of calls) {
    const error = (await refusal(call())) as Error
    expect([call.toString(), error]).toMatchObject([
      call.toString(),
      { code: 'ERR_INVALID_ARGUMENT' },
    ])
    expect(error.message).toMatch(message)
  }
})

test('an ordinary lock: isHeld by the clock, holdCount 1', async () => {
  const { w, a } = one()
  const lock = await a.locks.mutex('y', { renew: false, ttl: 1000 }).acquire()
  expect([lock.isHeld, lock.holdCount]).toEqual([true, 1])
  w.clock.block(2000)
  expect([lock.isHeld, lock.holdCount]).toEqual([false, 0])
  const other = await a.locks.mutex('y').acquire()
  await other.release()
  expect([other.isHeld, other.holdCount, other.signal.aborted]).toEqual([false, 0, false])
})

// Redisson: a script that is sent twice looks like a re-entry, and the count stays at 2 for good.
test('an acquire that the network doubles is one handle, and one release ends it', async () => {
  const { w, a, m } = one()
  const copy = w.net.double('request', 'acquire')
  const owner = a.locks.owner()
  const lock = await m.acquire({ owner })
  copy.release()
  await w.advance()
  expect(lock.holdCount).toBe(1)
  expect(await lock.release()).toEqual({ released: true })
  expect(w.left()).toEqual([])
})

// Redisson and redis-py: only the thread that took a lock may release it.
test('a handle may be released from any context', async () => {
  const { w, a, m } = one()
  const owner = a.locks.owner()
  const lock = await m.acquire({ owner })
  const call = w.watch(a.locks.mutex('y').use(() => lock.release()))
  await w.advance()
  expect(call.value).toEqual({ released: true })
})
