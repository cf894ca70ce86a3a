// Every call ends by its limit, masks nothing, and leaves nothing behind.
import { expect, test } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { Holdfast, type Lock } from '../../src/index.js'
import { World } from '../kit/world.js'

test("use: the function's own error always wins", async () => {
  const w = new World()
  const a = w.client()
  const own = new Error('mine')
  const call = w.watch(
    a.locks.mutex('x', { renew: false, ttl: 1000 }).use(async () => {
      await w.clock.advance(2000)
      throw own
    }),
  )
  await w.advance(2000)
  expect(call.error).toBe(own)
  expect(w.left()).toEqual([])
})

test('use: ERR_LOST with the result when the lease was lost and the function succeeded', async () => {
  const w = new World()
  const a = w.client()
  const call = w.watch(
    a.locks.mutex('x', { renew: false, ttl: 1000 }).use((lock) => {
      w.clock.block(2000)
      return lock.fence
    }),
  )
  await w.advance()
  expect(call.error).toMatchObject({ code: 'ERR_LOST', reason: 'expired', lock: 'x' })
  expect(call.error.result).toBeTypeOf('number')
})

test('use: a release that fails hides no result', async () => {
  const w = new World()
  const a = w.client()
  w.net.drop('request', 'release', { times: Infinity })
  const call = w.watch(a.locks.mutex('x').use(() => 'done'))
  await w.advance(500)
  expect(call.value).toBe('done')
})

test('tryUse says whether it ran', async () => {
  const locks = Holdfast.inMemory({ clock: new ManualClock() })
  const inner = await locks.mutex('x').tryUse(() => locks.mutex('x').tryUse(() => 1))
  expect(inner).toEqual({ ran: true, result: { ran: false } })
  expect(await locks.mutex('x').tryUse(() => 2)).toEqual({ ran: true, result: 2 })
})

test('wait 0 is one try: ERR_TAKEN with the holder, and no place in line', async () => {
  const w = new World()
  const [a, b] = [w.client({}, { label: 'nightly' }), w.client()]
  const held = await a.locks.mutex('x').acquire()
  await w.advance(1000)
  const { owner } = held
  await expect(b.locks.mutex('x').acquire({ wait: 0 })).rejects.toMatchObject({
    code: 'ERR_TAKEN',
    holder: { mode: 'exclusive', owner, label: 'nightly' },
    remaining: 9000,
  })
  expect(await b.locks.mutex('x').tryAcquire()).toBe(null)
  expect(w.line('x')).toEqual([])
  expect(w.net.count('acquire', b)).toBe(2)
})

test('a wait that is over: ERR_TIMEOUT with the holder as it is now, and no place left', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: 5000 }))
  await w.advance(5000)
  expect(wait.error).toMatchObject({ code: 'ERR_TIMEOUT', holder: { owner: held.owner } })
  expect(wait.at).toBe(5000)
  expect(w.line('x')).toEqual([])
})

test('an abort ends the wait with its reason, and gives up the place', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  const controller = new AbortController()
  const wait = w.watch(b.locks.mutex('x').acquire({ signal: controller.signal, wait: Infinity }))
  await w.advance(100)
  expect(w.line('x').length).toBe(1)
  const reason = { why: 'enough' }
  controller.abort(reason)
  await w.advance()
  expect(wait.error).toBe(reason)
  expect(w.line('x')).toEqual([])
})

test('a signal that is aborted already: nothing is sent', async () => {
  const w = new World()
  const a = w.client()
  const signal = AbortSignal.abort('no')
  await expect(a.locks.mutex('x').acquire({ signal })).rejects.toBe('no')
  await w.advance(1000)
  expect(w.net.log).toEqual([])
  expect(w.clock.timers).toBe(0)
})

test('a cancel that races the grant passes the lock on', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const controller = new AbortController()
  w.watch(b.locks.mutex('x').acquire({ signal: controller.signal }))
  await w.advance()
  const next = w.watch(c.locks.mutex('x').acquire())
  await w.advance()
  const push = w.net.hold('push', 'grant', { of: b })
  await held.release()
  controller.abort()
  await w.advance()
  expect(next.state).toBe('done')
  push.release()
  await w.advance()
  next.value.assertHeld()
  expect(w.holder('x')).toBe(next.value.owner)
})

test('with a silent server every call ends by its limit', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('held').acquire()
  const leaving = await a.locks.mutex('leaving').acquire()
  w.net.silence()
  const { locks } = a
  const calls = {
    try: w.watch(locks.mutex('x').tryAcquire()),
    acquire: w.watch(locks.mutex('x').acquire({ wait: 3000 })),
    use: w.watch(locks.mutex('x').use(() => 1, { wait: 3000 })),
    verify: w.watch(lock.verify()),
    inspect: w.watch(locks.inspect('x')),
    force: w.watch(locks.forceRelease('x')),
    list: w.watch(locks.list().next()),
    release: w.watch(leaving.release()),
  }
  await w.advance(3050)
  const { release, ...failing } = calls
  expect(release.value).toEqual({ released: false, reason: 'unavailable' })
  for (const [name, call] of Object.entries(failing)) {
    expect(`${name} ${call.error?.code}`).toBe(`${name} ERR_UNAVAILABLE`)
  }
  expect(calls.try.at).toBe(500)
  expect(calls.acquire.at).toBeLessThanOrEqual(3050)
})

test('close ends by its limit with a silent server, and leaves no timer', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  await a.locks.mutex('z').acquire()
  // Its release is given up sooner than that of a place in line, which close does not wait for.
  await b.locks.mutex('y', { ttl: 1000 }).acquire()
  const left = new AbortController()
  w.watch(b.locks.mutex('x').acquire({ signal: left.signal }))
  const wait = w.watch(b.locks.mutex('z').acquire({ ttl: 1000 }))
  await w.advance(100)
  w.net.silence()
  left.abort()
  await w.advance(10)
  const closing = w.watch(b.locks.close())
  await w.advance(1000)
  expect(closing.state).toBe('done')
  expect(wait.error.code).toBe('ERR_CLOSED')
  await w.advance(1000)
  expect(b.clock.timers).toBe(0)
})

test('close does not wait for a subscription that is never confirmed', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  await a.locks.mutex('x').acquire()
  b.port.subscribable = false
  const wait = w.watch(b.locks.mutex('x').acquire())
  await w.advance(100)
  const closing = w.watch(b.locks.close())
  await w.advance(1000)
  expect(wait.error.code).toBe('ERR_CLOSED')
  expect(closing.state).toBe('done')
  expect(b.port.closed).toBe(true)
})

test('close: new calls fail, waits are cancelled, locks are released and their signals abort', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const own = await a.locks.mutex('x').acquire()
  // One that waits for a lock of the same process must not be handed it.
  const wait = w.watch(a.locks.mutex('x').acquire())
  const asking = w.watch(a.locks.mutex('z').acquire())
  const other = w.watch(b.locks.mutex('x').acquire())
  await Promise.all([a.locks.close(), a.locks.close()])
  await w.advance()
  expect(own.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
  expect(wait.error.code).toBe('ERR_CLOSED')
  expect(asking.state).not.toBe('pending')
  expect(other.state).toBe('done')
  expect(() => a.locks.mutex('y')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  await expect(a.locks.inspect('x')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  await other.value.release()
  await w.advance(20_000)
  expect(w.left()).toEqual([])
})

test('a second call of one mutex that is refused takes nothing from the first', async () => {
  const w = new World()
  const mutex = w.client().locks.mutex('x')
  const lock = await mutex.acquire()
  expect(await mutex.tryAcquire()).toBeNull()
  lock.assertHeld()
  expect(await lock.release()).toEqual({ released: true })
})

test('release twice gives the same result; after a loss it says so', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  expect(await lock.release()).toEqual({ released: true })
  expect(await lock.release()).toEqual({ released: true })
  expect(w.net.count('release')).toBe(1)
  const next = await a.locks.mutex('x', { renew: false, ttl: 100 }).acquire()
  w.clock.block(100)
  expect(await next.release()).toEqual({ released: false, reason: 'lost' })
})

test('a release that nobody answers goes on in the background while the lease lasts', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  const end = w.net.silence()
  const released = w.watch(lock.release())
  await w.advance(500)
  expect(released.value).toEqual({ released: false, reason: 'unavailable' })
  await w.advance(2000)
  end()
  await w.advance(2000)
  expect(w.left()).toEqual([])
  expect(w.clock.timers).toBe(0)
})

test('after everything is released and closed there is no timer, and no key but fences', async () => {
  const w = new World()
  const clients = [w.client(), w.client(), w.client()]
  const calls = clients.flatMap(({ locks }) =>
    ['a', 'b', 'c'].map((name) => w.watch(locks.mutex(name).use(() => w.clock.advance(0)))),
  )
  const lost: Lock = await clients[0]!.locks.mutex('d', { renew: false }).acquire()
  w.watch(clients[1]!.locks.mutex('d').acquire({ wait: 1000 }))
  await w.advance(20_000)
  expect(lost.signal.aborted).toBe(true)
  expect(calls.map(({ state }) => state)).toEqual(Array(9).fill('done'))
  for (const { locks } of clients) await locks.close()
  expect(w.clock.timers).toBe(0)
  expect(w.left()).toEqual([])
  expect(w.server.keys().every((key) => key.includes(':hf:fence:'))).toBe(true)
  await w.advance(660_000)
  expect(w.server.keys()).toEqual([])
})
