// Locks in the shape of the Web Locks API, in the simulated world: waits, thefts and losses.
import { expect, test } from 'vitest'
import type { GrantedLock, LockManager, LockRequestOptions } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { gate } from '../reentrant/kit.js'
import { ownerId, World, type Outcome, type SimClient } from '../kit/world.js'

interface Held<T = unknown> {
  readonly outcome: Outcome<T>
  /** What the callback was given; undefined as long as it was not called. */
  given: GrantedLock | undefined
  readonly done: () => void
}

/** A request whose callback lasts until it is told; the request has had the time to arrive. */
async function request(
  w: World,
  { locks }: SimClient,
  options: LockRequestOptions = {},
): Promise<Held<string>> {
  const { opened, open } = gate()
  const held: Held<string> = {
    given: undefined,
    done: open,
    outcome: w.watch(
      locks.lockManager().request('x', { ...options, ifAvailable: false }, async (lock) => {
        held.given = lock
        await opened
        return 'done'
      }),
    ),
  }
  await w.advance(5)
  return held
}

/** `n` clients, of which each hears messages if it is to. */
async function stage(n: number, listening = true): Promise<{ w: World; clients: SimClient[] }> {
  const w = new World()
  const clients = Array.from({ length: n }, () => w.client())
  if (!listening) return { w, clients }
  const first = await w.client().locks.mutex('warm-up').acquire()
  for (const { locks } of clients) {
    w.watch(locks.mutex('warm-up').acquire({ wait: 1 }))
    await w.advance(60)
  }
  await first.release()
  await w.advance()
  return { w, clients }
}

test('a request waits without limit, and is granted in its turn', async () => {
  const { w, clients } = await stage(2)
  const first = await request(w, clients[0]!)
  const second = await request(w, clients[1]!)
  await w.advance(600_000)
  expect(second.given).toBeUndefined()
  expect(first.given!.signal.aborted).toBe(false)
  first.done()
  await w.advance()
  expect(first.outcome).toMatchObject({ state: 'done', value: 'done' })
  expect(second.given!.fence).toBeGreaterThan(first.given!.fence)
  second.done()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('an abort ends the wait with its reason, and counts for nothing after the grant', async () => {
  const { w, clients } = await stage(2)
  const [late, early] = [new AbortController(), new AbortController()]
  const first = await request(w, clients[0]!, { signal: late.signal })
  const second = await request(w, clients[1]!, { signal: early.signal })
  expect(w.line('x')).toHaveLength(1)
  const reason = { why: 'enough' }
  early.abort(reason)
  late.abort()
  await w.advance()
  expect(second.outcome.error).toBe(reason)
  expect(second.given).toBeUndefined()
  expect(w.line('x')).toEqual([])
  first.done()
  await w.advance()
  expect(first.outcome.value).toBe('done')
})

test('who steals comes before all who wait; the holder hears of it at once', async () => {
  const { w, clients } = await stage(4)
  const [a, b, c, thief] = clients as [SimClient, SimClient, SimClient, SimClient]
  const first = await request(w, a)
  const waiting = [await request(w, b), await request(w, c)]
  const began = w.clock.monotonic()
  const stolen = await request(w, thief, { steal: true })
  expect(first.outcome).toMatchObject({ state: 'failed', error: { name: 'AbortError' } })
  expect(first.outcome.at).toBe(began)
  expect(first.outcome.error.cause).toMatchObject({ code: 'ERR_LOST', reason: 'forced', lock: 'x' })
  expect(first.given!.signal.aborted).toBe(true)
  expect(stolen.given!.fence).toBeGreaterThan(first.given!.fence)
  expect(waiting.map(({ given }) => given)).toEqual([undefined, undefined])
  // The callback of the first one is over later, and takes nothing from the thief.
  first.done()
  await w.advance(60_000)
  expect(stolen.outcome.state).toBe('pending')
  // The others have kept their order.
  stolen.done()
  await w.advance()
  expect(waiting.map(({ given }) => given !== undefined)).toEqual([true, false])
  waiting[0]!.done()
  await w.advance()
  waiting[1]!.done()
  await w.advance()
  expect(waiting.map(({ outcome }) => outcome.value)).toEqual(['done', 'done'])
  expect(w.left()).toEqual([])
})

test('without a subscription the holder hears of it by its next renewal', async () => {
  const { w, clients } = await stage(2, false)
  const first = await request(w, clients[0]!)
  const stolen = await request(w, clients[1]!, { steal: true })
  expect(stolen.given).toBeDefined()
  expect(first.outcome.state).toBe('pending')
  await w.advance(3400)
  expect(first.outcome.error).toMatchObject({ name: 'AbortError', cause: { reason: 'gone' } })
})

test('a steal costs a look and a force more than a wait; of what is free nothing more', async () => {
  const { w, clients } = await stage(2)
  await request(w, clients[0]!)
  w.net.log.length = 0
  const stolen = await request(w, clients[1]!, { steal: true })
  expect(w.net.log.filter(({ port }) => port === clients[1]!.port).map(({ what }) => what)).toEqual(
    ['acquire', 'inspect', 'force'],
  )
  stolen.done()
  await w.advance()
  w.net.log.length = 0
  ;(await request(w, clients[1]!, { steal: true })).done()
  await w.advance()
  expect(w.net.log.map(({ what }) => what)).toEqual(['acquire', 'release'])
})

test('all who share the name are ended, more than one call can end', async () => {
  const { w, clients } = await stage(2)
  for (let i = 1; i <= 150; i++) w.ask('x', ownerId(9, i), { mode: 's' })
  const reader = await request(w, clients[0]!, { mode: 'shared' })
  const stolen = await request(w, clients[1]!, { steal: true })
  expect(reader.outcome.error).toMatchObject({ name: 'AbortError', cause: { reason: 'forced' } })
  expect(stolen.given!.mode).toBe('exclusive')
  expect((await clients[0]!.locks.inspect('x')).holderCount).toBe(1)
})

test('the holder of another library is ended too', async () => {
  const { w, clients } = await stage(1)
  w.server.set('lock:x', 'redlock', 60_000)
  const stolen = await request(w, clients[0]!, { steal: true })
  expect(stolen.given).toBeDefined()
})

test('a name that is let go of meanwhile is not taken from the one who steals', async () => {
  for (const what of ['inspect', 'force']) {
    const { w, clients } = await stage(2)
    const first = await request(w, clients[0]!)
    const look = w.net.hold('request', what, { of: clients[1]! })
    const stolen = await request(w, clients[1]!, { steal: true })
    first.done()
    await w.advance()
    expect(first.outcome.value).toBe('done')
    expect(stolen.given).toBeDefined()
    look.release()
    await w.advance(60_000)
    stolen.done()
    await w.advance()
    expect([what, stolen.outcome.value]).toEqual([what, 'done'])
  }
})

test('a place that is lost before the look: the holder is ended when it stands there again', async () => {
  const { w, clients } = await stage(2)
  const holder = await request(w, clients[0]!)
  w.net.delay('request', 'inspect', 50)
  const stolen = await request(w, clients[1]!, { steal: true })
  // The server has lost the line.
  w.server.del(keysOf('x', 'lock:')[2])
  await w.advance(50)
  expect(stolen.given).toBe(undefined)
  // It asks again when the lease should be over, as it was told.
  await w.advance(12_000)
  expect(holder.outcome.error.name).toBe('AbortError')
  expect(stolen.given).not.toBe(undefined)
  stolen.done()
  holder.done()
  await w.advance(10)
  expect(w.left()).toEqual([])
})

test('two who steal at once follow one another, and neither is ended', async () => {
  const { w, clients } = await stage(3)
  const [a, b, c] = clients as [SimClient, SimClient, SimClient]
  const first = await request(w, a)
  const looks = w.net.hold('request', 'inspect', { times: 2 })
  const thieves = [await request(w, b, { steal: true }), await request(w, c, { steal: true })]
  looks.release()
  await w.advance()
  expect(first.outcome.state).toBe('failed')
  const got = thieves.filter(({ given }) => given !== undefined)
  expect(got).toHaveLength(1)
  await w.advance(60_000)
  got[0]!.done()
  await w.advance()
  for (const { done } of thieves) done()
  await w.advance()
  expect(thieves.map(({ outcome }) => outcome.value)).toEqual(['done', 'done'])
})

test.each([
  [1, 2],
  [2, 1],
] as const)('also where the one looks when the other has it already: %i, %i', async (one, two) => {
  const { w, clients } = await stage(3)
  const first = await request(w, clients[0]!)
  w.net.delay('request', 'inspect', 20, { of: clients[one]! })
  w.net.delay('request', 'inspect', 40, { of: clients[two]! })
  const thieves = [
    await request(w, clients[one]!, { steal: true }),
    await request(w, clients[two]!, { steal: true }),
  ]
  await w.advance(1000)
  expect(first.outcome.state).toBe('failed')
  for (const { done } of thieves) done()
  await w.advance()
  expect(thieves.map(({ outcome }) => outcome.value)).toEqual(['done', 'done'])
  expect(w.left()).toEqual([])
})

test.each([
  [1, 2],
  [2, 1],
] as const)('a circle through a steal that follows another is found: %i, %i', async (one, two) => {
  const { w, clients } = await stage(3)
  const [a, b] = [clients[one]!, clients[two]!].map(({ locks }) => locks.lockManager())
  const first = await request(w, clients[0]!)
  const looks = w.net.hold('request', 'inspect', { times: 2 })
  const calls = [
    a!.request('x', { steal: true }, () => a!.request('y', () => 'both')),
    b!.request('y', () => b!.request('x', { steal: true }, () => 'both')),
  ].map((call) => w.watch(call))
  await w.advance(5)
  looks.release()
  await w.advance(5000)
  expect(first.outcome.state).toBe('failed')
  const ends = calls.map(({ state, error }) => (state === 'failed' ? error.code : state))
  // Where the second one has it first, there is no circle.
  expect(['done done', 'ERR_DEADLOCK done', 'done ERR_DEADLOCK']).toContain(ends.join(' '))
  expect(w.left()).toEqual([])
})

test('a steal that the server does not answer is refused, and leaves nothing', async () => {
  const { w, clients } = await stage(2)
  const first = await request(w, clients[0]!)
  w.net.drop('request', 'force', { times: Infinity })
  const stolen = await request(w, clients[1]!, { steal: true })
  await w.advance(1000)
  expect(stolen.outcome.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  expect(w.line('x')).toEqual([])
  first.done()
  await w.advance()
  expect(first.outcome.value).toBe('done')
  expect(w.left()).toEqual([])
})

test('what is lost rejects at once, with the reason as the cause', async () => {
  const { w, clients } = await stage(1)
  const held = await request(w, clients[0]!)
  w.net.silence()
  await w.advance(10_000)
  expect(held.outcome).toMatchObject({ state: 'failed', error: { name: 'AbortError' } })
  expect(held.outcome.error.cause).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
  // Before the server can give the name to anybody else.
  expect(held.outcome.at).toBeLessThan(10_000 + 65)
})

test('so does what was lost before the callback could begin', async () => {
  const { w, clients } = await stage(1)
  const [{ locks }] = clients as [SimClient]
  const manager = locks.lockManager({ ttl: 1000, renew: false })
  const call = w.watch(manager.request('x', () => w.clock.block(2000)))
  await w.advance()
  expect(call.error).toMatchObject({ name: 'AbortError', cause: { reason: 'expired' } })
})

test('and what was stolen before its grant was heard of', async () => {
  const { w, clients } = await stage(3)
  const first = await request(w, clients[0]!)
  const victim = await request(w, clients[1]!)
  const grant = w.net.hold('push', 'grant', { of: clients[1]! })
  first.done()
  await w.advance()
  await request(w, clients[2]!, { steal: true })
  expect(victim.given).toBeUndefined()
  grant.release()
  await w.advance()
  victim.done()
  await w.advance()
  expect(victim.outcome.error).toMatchObject({ name: 'AbortError', cause: { reason: 'forced' } })
})

test('close: who holds and who waits', async () => {
  const { w, clients } = await stage(2)
  const [a] = clients as [SimClient]
  const held = await request(w, a)
  const waits = w.watch(a.locks.lockManager().request('x', () => 1))
  await w.advance(5)
  await a.locks.close()
  await w.advance()
  expect(held.outcome.error).toMatchObject({ name: 'AbortError', cause: { reason: 'closed' } })
  expect(waits.error).toMatchObject({ code: 'ERR_CLOSED' })
  expect(() => a.locks.lockManager()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
})

test('a callback that asks for its own lock is told so, unless it steals it', async () => {
  const { w, clients } = await stage(1)
  const manager: LockManager = clients[0]!.locks.lockManager()
  const inner = w.watch(
    manager.request('x', () => manager.request('x', () => 1).catch((error: unknown) => error)),
  )
  await w.advance()
  expect(inner.value).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'x' })
  const outer = w.watch(manager.request('x', () => manager.request('x', { steal: true }, () => 2)))
  await w.advance()
  expect(outer.error).toMatchObject({ name: 'AbortError' })
  await w.advance(20_000)
  expect(w.left()).toEqual([])
})
