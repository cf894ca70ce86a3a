// What is told of a call, from its beginning to its end; and what its trace does.
import { channel } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HoldfastError, type LockCall } from '../../src/index.js'
import { decodeRecord, revokerOfInfo } from '../../src/kernel/protocol.js'
import { Events } from '../kit/events.js'
import { world } from '../kit/subscribed.js'
import type { Parcel } from '../kit/sim-net.js'
import { World } from '../kit/world.js'

let events: Events
beforeEach(() => {
  events = new Events()
})
afterEach(() => events.stop())

const trace = (n: number): string => `00-${'0'.repeat(31)}${n}-00f067aa0ba902b7-01`
/** What each call that failed was told to have come to, by name. */
const failed = (): string[] =>
  events.of('holdfast:failed').map(({ name, outcome }) => `${name} ${outcome}`)

/** Marks each call with a trace, as a tracer does, while the function runs. */
async function traced<T>(fn: () => Promise<T>, mark: (n: number) => string = trace): Promise<T> {
  let n = 0
  const listener = (call: unknown): void => void ((call as LockCall).trace = mark(++n))
  channel('holdfast:requested').subscribe(listener)
  try {
    return await fn()
  } finally {
    channel('holdfast:requested').unsubscribe(listener)
  }
}

test('a call that ends without the lock says how', async () => {
  const { w, clients } = await world(2)
  events.seen.length = 0
  const [a, b] = clients
  const lock = await a!.locks.mutex('a').acquire()
  const { signal, abort } = controller()
  const waits = [
    b!.locks.mutex('a').acquire({ wait: 0 }),
    b!.locks.mutex('a').acquire({ wait: 100 }),
    b!.locks.mutex('a').acquire({ signal }),
    b!.locks.readWrite('a').read().tryAcquire(),
    a!.locks.semaphore('a', { limit: 2 }).acquire({ wait: 200 }),
  ]
  const over = Promise.allSettled(waits)
  await w.advance(300)
  abort(new Error('not any more'))
  await w.advance(60)
  await over
  expect(failed().toSorted()).toEqual(['a aborted', 'a taken', 'a taken', 'a timeout', 'a timeout'])
  const types = events.of('holdfast:failed').map(({ type, outcome }) => `${type} ${outcome}`)
  expect(types).toContain('read taken')
  expect(types).toContain('semaphore timeout')
  const late = events.of('holdfast:failed').find(({ outcome }) => outcome === 'timeout')!
  expect(late.waited).toBeGreaterThanOrEqual(100)
  expect(late.error).toBeInstanceOf(HoldfastError)
  // Each is a call whose beginning was told, and each call ended once.
  const begun = new Set(events.of('holdfast:requested'))
  const ended = [...events.of('holdfast:granted'), ...events.of('holdfast:failed')]
  expect(ended.map(({ call }) => begun.delete(call!))).toEqual(ended.map(() => true))
  expect(begun.size).toBe(0)
  await lock.release()
})

test('a server that is away, and an error that is none of these', async () => {
  const w = new World()
  const { locks } = w.client()
  w.net.drop('request', 'acquire', { times: Infinity })
  const over = Promise.allSettled([locks.mutex('a').acquire({ wait: 0 })])
  await w.advance(2000)
  await over
  expect(failed()).toEqual(['a unavailable'])
  const waiting = w.watch(locks.mutex('b').acquire())
  await w.advance(10)
  await locks.close()
  await w.advance(2000)
  expect(waiting.error.code).toBe('ERR_CLOSED')
  expect(failed()).toEqual(['a unavailable', 'b error'])
})

test('several names: a call for each', async () => {
  const { w, clients } = await world(2)
  events.seen.length = 0
  const [a, b] = clients
  const lock = await a!.locks.mutex('y').acquire()
  const waiting = w.watch(b!.locks.all(['x', 'y']).acquire({ wait: 100 }))
  await w.advance(300)
  expect(waiting.error.code).toBe('ERR_TIMEOUT')
  expect(failed().toSorted()).toEqual(['x timeout', 'y timeout'])
  await lock.release()
  const set = await b!.locks.all(['x', 'y']).acquire()
  const granted = events.of('holdfast:granted').filter(({ call }) => call)
  expect(granted.map(({ name }) => name).toSorted()).toEqual(['x', 'y', 'y'])
  await set.release()
})

test('calls of one process that wait for each other: each is told its place and who holds', async () => {
  const w = new World()
  const { locks } = w.client({}, { localHandovers: 16, label: 'me' })
  await traced(async () => {
    const mutex = locks.mutex('a')
    const one = await mutex.acquire()
    const others = [mutex.acquire(), mutex.acquire()]
    await w.advance(10)
    const holder = { mode: 'exclusive', owner: one.owner, label: 'me', trace: trace(1) }
    expect(events.of('holdfast:queued')).toMatchObject([
      { rank: 0, holder, call: { trace: trace(2) } },
      { rank: 1, holder, call: { trace: trace(3) } },
    ])
    await one.release()
    for (const other of others) await (await other).release()
  })
})

test('a process whose calls stand in the line of the server: each is told', async () => {
  const { w, clients } = await world(1)
  const { locks } = w.client({}, { localHandovers: 16 })
  await traced(async () => {
    const lock = await clients[0]!.locks.mutex('a').acquire()
    events.seen.length = 0
    const others = [locks.mutex('a').acquire(), locks.mutex('a').acquire()]
    await w.advance(100)
    // One that comes when they stand there already.
    others.push(locks.mutex('a').acquire())
    const told = events.of('holdfast:queued')
    expect(told.map(({ rank, call, holder }) => [rank, call!.trace, holder!.trace])).toEqual([
      [0, trace(2), trace(1)],
      [1, trace(3), trace(1)],
      [2, trace(4), trace(1)],
    ])
    await lock.release()
    await w.advance(10)
    // The record shows the first of them.
    const { holders } = await clients[0]!.locks.inspect('a')
    expect(holders).toMatchObject([{ trace: trace(2) }])
    for (const other of others) await (await other).release()
  })
})

test('a grant that comes when the Holdfast is closed: what was told of it ends', async () => {
  const w = new World()
  const { locks } = w.client()
  const close = (): void => void locks.close()
  channel('holdfast:granted').subscribe(close)
  try {
    await expect(locks.mutex('a').acquire()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  } finally {
    channel('holdfast:granted').unsubscribe(close)
  }
  const { owner, fence } = events.of('holdfast:granted')[0]!
  expect(events.of('holdfast:lost')).toMatchObject([{ owner, fence, reason: 'closed' }])
  await w.advance(10)
  expect(w.left()).toEqual([])
})

test('a trace is in the record, for whoever looks or is refused; without one nothing is sent', async () => {
  const w = new World()
  const [a, b] = [w.client({}, { label: 'me' }), w.client()]
  await traced(async () => {
    const lock = await a.locks.mutex('a').acquire()
    expect((await b.locks.inspect('a')).holders).toMatchObject([{ label: 'me', trace: trace(1) }])
    const refused = await b.locks
      .mutex('a')
      .acquire({ wait: 0 })
      .catch((e: unknown) => e)
    expect(refused).toMatchObject({ code: 'ERR_TAKEN', holder: { trace: trace(1) } })
    // Behind it stands whoever asks the holder to let go.
    const asked = await b.locks.revoke('a', { reason: 'please' })
    expect(asked).toMatchObject({ asked: 1 })
    await w.advance(4000)
    expect(lock.revoked.reason).toMatchObject({ by: { reason: 'please' } })
    await lock.release()
  })
  // Nor is what a listener makes up: it stands in a text of the protocol.
  const made: string[] = []
  const when = ({ args }: Parcel): boolean => made.push(args.join(' ')) < 0
  w.net.drop('request', 'acquire', { when })
  await traced(
    async () => {
      await (await a.locks.mutex('b').acquire()).release()
    },
    () => 'x"]\n',
  )
  await (await a.locks.mutex('b').acquire()).release()
  const [one, two] = made.map((text) => text.replaceAll(/\S+\.\d+|\d{13,}/g, ''))
  expect(one).toContain('["me"')
  expect(one).toBe(two)
})

test('what leads an election, or stands for it, says so beside its trace; no other lock does', async () => {
  const w = new World()
  const [a, b, c] = [w.client({}, { label: 'a' }), w.client({}, { label: 'b' }), w.client()]
  await traced(async () => {
    const lead = await a.locks.election('e').campaign()
    const next = w.watch(b.locks.election('e').campaign())
    await a.locks.mutex('m').acquire()
    await w.advance()
    const { holders, waiters } = await c.locks.inspect('e')
    expect(holders).toMatchObject([{ label: 'a', trace: trace(1), election: true }])
    expect(waiters).toMatchObject([{ label: 'b', trace: trace(2), election: true }])
    const [mutex] = (await c.locks.inspect('m')).holders
    expect(mutex).toMatchObject({ label: 'a', trace: trace(3) })
    expect(mutex).not.toHaveProperty('election')
    // It stays when somebody asks the leader to step down.
    await c.locks.revoke('e', { reason: 'deploy' })
    await w.advance(4000)
    expect(lead.revoked.reason).toMatchObject({ by: { reason: 'deploy' } })
    expect((await c.locks.inspect('e')).holders).toMatchObject([{ label: 'a', election: true }])
    await lead.resign()
    await w.advance()
    await next.value.resign()
  })
})

test('who asks to let go is read from behind a trace, and from a list without one', () => {
  const by = '["asker","why"]'
  const found = { label: 'asker', reason: 'why' }
  expect(revokerOfInfo(`["l","h",1,"${trace(1)}",${by}]`)).toEqual(found)
  expect(revokerOfInfo(`["l","h",1,${by}]`)).toEqual(found)
  expect(revokerOfInfo(`["l","h",1,"${trace(1)}"]`)).toEqual({})
  const record = decodeRecord(`x 1 10000 2000 - 12 34 0 ["l","h",1,"${trace(1)}",${by}]`)
  expect(record).toMatchObject({ label: 'l', host: 'h', pid: 1, trace: trace(1) })
})

function controller(): { signal: AbortSignal; abort: (reason: Error) => void } {
  const one = new AbortController()
  return { signal: one.signal, abort: (reason) => one.abort(reason) }
}
