// Handing a lock to another process: a new owner id in one step, once, and nobody in between.
import { describe, expect, test } from 'vitest'
import type { HoldfastError, Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { believers, ownerId, World } from '../kit/world.js'
import { ask, world } from './kit.js'

const code = (error: HoldfastError): unknown => [error.code, error.reason]
const turn = (w: World, ...fields: string[]): readonly string[] =>
  w.kernel('turn', 'x', [...fields, '5000', '', '', ''])

async function handed() {
  const { w, clients } = await world(4)
  const lock = await clients[0]!.locks.mutex('x').acquire()
  const next = await ask(w, clients[3]!)
  const token = await lock.handOver()
  return { w, clients, lock, next, token }
}

test('two commands: one hands over, one takes over; nobody comes between', async () => {
  const { w, clients } = await world(3)
  const lock = await clients[0]!.locks.mutex('x').acquire()
  const next = await ask(w, clients[2]!)
  await w.advance(3000)
  const before = w.net.count()
  const token = await lock.handOver()
  expect(w.net.count() - before).toBe(1)
  expect(token).toMatch(/^hf1_[\w-]+$/)
  expect([lock.isHeld, lock.validFor, lock.signal.aborted]).toEqual([false, 0, false])
  expect(() => lock.assertHeld()).toThrow('was handed over')
  // The full ttl from now on, and the first process does not renew it.
  await w.advance(6000)
  expect(w.net.count() - before).toBe(1)
  const taken = await clients[1]!.locks.takeOver(token)
  expect(w.net.count() - before).toBe(2)
  expect(taken).toMatchObject({ name: 'x', isHeld: true, holdCount: 1 })
  expect(taken.owner).not.toBe(lock.owner)
  expect(taken.fence).toBeGreaterThan(lock.fence)
  await w.advance(30_000)
  await taken.verify()
  expect(next.state).toBe('pending')
  await taken.release()
  await w.advance()
  expect(next.state).toBe('done')
  expect(next.value.fence).toBeGreaterThan(taken.fence)
  await next.value.release()
  expect(w.left()).toEqual([])
})

test('once only', async () => {
  const { clients, token } = await handed()
  const taken = await clients[1]!.locks.takeOver(token)
  expect(await clients[2]!.locks.takeOver(token).catch(code)).toEqual(['ERR_LOST', 'gone'])
  expect(await clients[1]!.locks.takeOver(token).catch(code)).toEqual(['ERR_LOST', 'gone'])
  await taken.verify()
  await taken.release()
  expect(await clients[2]!.locks.takeOver(token).catch(code)).toEqual(['ERR_LOST', 'gone'])
})

test('two at the same time: one has it', async () => {
  const { w, clients, token } = await handed()
  const all = [1, 2].map((i) => w.watch(clients[i]!.locks.takeOver(token)))
  await w.advance(5)
  expect(all.map(({ state }) => state).toSorted()).toEqual(['done', 'failed'])
  await w.advance(20_000)
  expect(believers(...all.map(({ value }) => value))).toBe(1)
})

test('nobody takes it over: it ends by itself, and is nobody who ran out silently', async () => {
  const { w, clients, lock, next, token } = await handed()
  const again = await ask(w, clients[0]!)
  await w.advance(9980)
  expect(next.state).toBe('pending')
  await w.advance(100)
  expect(next.state).toBe('done')
  expect(await clients[1]!.locks.takeOver(token).catch(code)).toEqual(['ERR_LOST', 'gone'])
  await next.value.verify()
  // Another place of the process that handed over is not passed over.
  await next.value.release()
  await w.advance()
  expect(again.state).toBe('done')
  expect(await lock.release()).toEqual({ released: true })
})

test('the old handle does nothing more, and close leaves what was handed over', async () => {
  const { w, clients, lock, token } = await handed()
  const before = w.net.count('release')
  expect(await lock.release()).toEqual({ released: true })
  expect(await lock.handOver().catch(code)).toEqual(['ERR_LOST', 'gone'])
  await clients[0]!.locks.close()
  expect(w.net.count('release')).toBe(before)
  const taken = await clients[1]!.locks.takeOver(token)
  taken.assertHeld()
})

test('late copies of what the old owner sent touch nobody: release, renew, acquire, turn', async () => {
  const { w, clients, lock, token } = await handed()
  const taken = await clients[1]!.locks.takeOver(token)
  expect(w.release('x', lock.owner)[0]).toBe('gone')
  expect(w.release('x', lock.owner, '60000')[0]).toBe('gone')
  expect(w.renew('x', lock.owner)[0]).toBe('gone')
  expect(w.ask('x', lock.owner, { wait: false })[0]).toBe('taken')
  expect(turn(w, lock.owner, ownerId(9), 'x')[0]).toBe('gone')
  // Of the turn itself: the same again, and nothing after its end.
  expect(turn(w, lock.owner, taken.owner, 'x').slice(0, 2)).toEqual(['turned', String(taken.fence)])
  await taken.verify()
  await taken.release()
  expect(turn(w, lock.owner, taken.owner, 'x')[0]).toBe('gone')
})

test('a copy of the last renewal that comes when nobody has taken over yet does no harm', async () => {
  const { w, clients } = await world(2)
  const lock = await clients[0]!.locks.mutex('x').acquire()
  const copy = w.net.double('request', 'renew')
  const token = await lock.handOver()
  await w.advance(200)
  copy.release()
  await w.advance()
  const taken = await clients[1]!.locks.takeOver(token)
  copy.release()
  await w.advance(20_000)
  await taken.verify()
})

test.each(['request', 'reply'] as const)(
  'a takeOver whose %s was lost: the same heir',
  async (lost) => {
    const { w, clients, token } = await handed()
    w.net.drop(lost, 'turn')
    const taking = w.watch(clients[1]!.locks.takeOver(token))
    await w.advance(600)
    expect(taking.state).toBe('done')
    await taking.value.verify()
    const { holders, fence } = await clients[2]!.locks.inspect('x')
    expect(holders[0]).toMatchObject({ owner: taking.value.owner, fence })
  },
)

test('its answer was lost, and then its record: no lock without a fence', async () => {
  const { w, clients, lock, next, token } = await handed()
  w.net.drop('reply', 'turn')
  const taking = w.watch(clients[1]!.locks.takeOver(token))
  await w.advance(50)
  w.server.space.del(keysOf('x', 'lock:')[1])
  await w.advance(1000)
  expect(taking.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  // What it took is given back.
  expect(next.value.fence).toBeGreaterThan(lock.fence)
})

test('both answers lost: unavailable, and what it took is given back', async () => {
  const { w, clients, next, token } = await handed()
  w.net.drop('reply', 'turn', { times: 2 })
  const taking = w.watch(clients[1]!.locks.takeOver(token))
  await w.advance(1010)
  expect(taking.error).toMatchObject({ code: 'ERR_UNAVAILABLE', lock: 'x' })
  await w.advance(5)
  expect(next.state).toBe('done')
})

test('a request that comes after its caller gave up is not carried out', async () => {
  const { w, clients, lock, token } = await handed()
  const held = w.net.hold('request', 'turn', { times: 2 })
  const taking = w.watch(clients[1]!.locks.takeOver(token))
  await w.advance(1010)
  expect(taking.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  held.release()
  await w.advance()
  expect(w.holder('x')).toBe(lock.owner)
  // So the token is good still.
  const taken = await clients[2]!.locks.takeOver(token)
  taken.assertHeld()
})

test('a handOver that the server does not answer: held here as before', async () => {
  const { w, clients } = await world(1)
  const lock = await clients[0]!.locks.mutex('x').acquire()
  w.net.drop('reply', 'renew')
  const handing = w.watch(lock.handOver())
  await w.advance(600)
  expect(handing.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  lock.assertHeld()
  await lock.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('a release while it is handed over wins', async () => {
  const { w, clients } = await world(1)
  const lock = await clients[0]!.locks.mutex('x').acquire()
  w.net.delay('request', 'renew', 50)
  const handing = w.watch(lock.handOver())
  await w.advance(5)
  expect(await lock.release()).toEqual({ released: true })
  await w.advance(100)
  expect(handing.error).toMatchObject({ code: 'ERR_LOST' })
  expect(w.left()).toEqual([])
})

test('of a lock that is lost, or forced', async () => {
  const { w, clients } = await world(2)
  const { locks } = clients[0]!
  const lock = await locks.mutex('x').acquire()
  await w.advance(1)
  w.server.del('lock:x')
  expect(await lock.handOver().catch(code)).toEqual(['ERR_LOST', 'gone'])
  const other = await locks.mutex('y').acquire()
  const token = await other.handOver()
  await clients[1]!.locks.forceRelease('y')
  expect(await clients[1]!.locks.takeOver(token).catch(code)).toEqual(['ERR_LOST', 'forced'])
  // Nobody else could let go of it.
  await w.advance(50)
  expect(w.holder('y')).toBe(null)
})

describe('of each kind', () => {
  test('a reader beside others; a writer, who may downgrade then', async () => {
    const { w, clients } = await world(4)
    const side = (i: number) => clients[i]!.locks.readWrite('x')
    const [a, b] = [await side(0).read().acquire(), await side(1).read().acquire()]
    const writer = w.watch(side(2).write().acquire({ wait: Infinity }))
    await w.advance(5)
    const taken = await clients[3]!.locks.takeOver(await a.handOver())
    expect((await clients[3]!.locks.inspect('x')).holderCount).toBe(2)
    await b.release()
    await w.advance(12_000)
    expect(writer.state).toBe('pending')
    await taken.verify()
    expect(await taken.downgrade().catch(code)).toEqual(['ERR_INVALID_ARGUMENT', undefined])
    await taken.release()
    await w.advance()
    const reader = await (
      await clients[1]!.locks.takeOver(await writer.value.handOver())
    ).downgrade()
    const { holders } = await clients[3]!.locks.inspect('x')
    expect(holders).toMatchObject([{ mode: 'shared', owner: reader.owner }])
    await reader.release()
    expect(w.left()).toEqual([])
  })

  test('permits keep their weight, and never are more than the limit', async () => {
    const { w, clients } = await world(2)
    const semaphore = clients[0]!.locks.semaphore('x', { limit: 4 })
    const lock = await semaphore.acquire({ permits: 3 })
    const beside = await semaphore.acquire()
    const token = await lock.handOver()
    const taken = await clients[1]!.locks.takeOver(token)
    expect(await semaphore.available()).toMatchObject({ used: 4, available: 0, limit: 4 })
    await w.advance(20_000)
    await taken.verify()
    expect(await semaphore.tryAcquire()).toBe(null)
    await taken.release()
    expect(await semaphore.available()).toMatchObject({ used: 1 })
    await beside.release()
    expect(w.left()).toEqual([])
  })

  test('inside of use: it is over for use, which hides nothing', async () => {
    const { clients } = await world(2)
    const token = await clients[0]!.locks.mutex('x').use((lock) => lock.handOver())
    const taken = await clients[1]!.locks.takeOver(token)
    taken.assertHeld()
    // Nor is a call from inside of it taken for one that waits for itself.
    await taken.release()
  })

  test('held by several handles: a clear error', async () => {
    const { w, clients } = await world(1)
    const { locks } = clients[0]!
    const owner = locks.owner()
    const mutex = locks.mutex('x', { reentrant: true })
    const [first, second] = [await mutex.acquire({ owner }), await mutex.acquire({ owner })]
    expect(await first.handOver().catch(code)).toEqual(['ERR_INVALID_ARGUMENT', undefined])
    await second.release()
    // Nor may one come in meanwhile.
    w.net.delay('request', 'renew', 50)
    const handing = w.watch(first.handOver())
    const third = await mutex.acquire({ owner })
    await w.advance(100)
    expect(handing.error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
    third.assertHeld()
    await third.release()
    expect(await first.handOver()).toMatch(/^hf1_/)
    // The owner has nothing any more.
    expect(await mutex.tryAcquire({ owner })).toBe(null)
  })
})

test('options are those of the one who takes over', async () => {
  const { w, clients } = await world(2)
  const options = { holdAtLeast: 60_000, lockDelay: 60_000, maxHold: 60_000, renew: false } as const
  const lock = await clients[0]!.locks.mutex('x', { ...options, ttl: 30_000, label: 'a' }).acquire()
  const token = await lock.handOver()
  const mine = { ttl: 2000, lockDelay: 1000, holdAtLeast: 500, label: 'b', renew: false }
  const next = await ask(w, clients[0]!)
  const taken: Lock = await clients[1]!.locks.takeOver(token, mine)
  expect(taken.validFor).toBeLessThan(2000)
  const { holders } = await clients[0]!.locks.inspect('x')
  expect(holders).toMatchObject([{ label: 'b', remaining: 3000 }])
  await w.advance(100)
  expect(await taken.release()).toEqual({ released: true, keptFor: 400 })
  await w.advance(420)
  // Told of the new end both times, though the lease before was longer.
  expect(next.state).toBe('done')
})

test('a shorter lease of the heir is told to the one who waits', async () => {
  const { w, clients } = await world(3)
  const lock = await clients[0]!.locks.mutex('x', { ttl: 60_000 }).acquire()
  const next = await ask(w, clients[2]!)
  await clients[1]!.locks.takeOver(await lock.handOver(), { ttl: 2000, renew: false })
  w.net.silence(clients[1])
  await w.advance(2030)
  expect(next.state).toBe('done')
})

test('a wish that it be let go goes along', async () => {
  const { w, clients } = await world(3)
  const lock = await clients[0]!.locks.mutex('x').acquire()
  await clients[2]!.locks.revoke('x', { reason: 'a deploy' })
  expect(lock.revoked.aborted).toBe(true)
  const taken = await clients[1]!.locks.takeOver(await lock.handOver())
  await w.advance(5000)
  expect(taken.revoked.reason).toMatchObject({ code: 'ERR_REVOKED', by: { reason: 'a deploy' } })
  taken.assertHeld()
})

test('close while it takes over leaves nothing', async () => {
  const { w, clients, token, next } = await handed()
  w.net.delay('request', 'turn', 50)
  const taking = w.watch(clients[1]!.locks.takeOver(token))
  await w.advance(10)
  const closed = w.watch(clients[1]!.locks.close())
  await w.advance(20)
  // It waits for what the answer may have to give back.
  expect(closed.state).toBe('pending')
  await w.advance(200)
  expect(taking.error).toMatchObject({ code: 'ERR_CLOSED' })
  expect([closed.state, next.state]).toEqual(['done', 'done'])
})

const body = (list: unknown): string =>
  `hf1_${Buffer.from(JSON.stringify(list)).toString('base64url')}`
test.each([
  [undefined, 'a string that handOver() of a lock gave'],
  ['', 'a string that handOver() of a lock gave'],
  ['hf1_', 'a string that handOver() of a lock gave'],
  [Object.create(null), 'a string that handOver() of a lock gave'],
  [['hf1_ab'], 'a string that handOver() of a lock gave'],
  ['hf1_ab+', 'a string that handOver() of a lock gave'],
  ['hf2_abcd', 'one that this release knows, which begins with hf1_'],
  ['hf1_abcd', 'all of a string that handOver() gave'],
  [body(7), 'all of a string that handOver() gave'],
  [body(['lock:', 'x', 'x']), 'all of a string that handOver() gave'],
  [body(['lock:', '', 'x', ownerId(1)]), 'all of a string that handOver() gave'],
  [body(['lock:', 'x', 'q', ownerId(1)]), 'all of a string that handOver() gave'],
  [body(['lock:', 'x', 'x', 'me']), 'all of a string that handOver() gave'],
  [body(['app:', 'x', 'x', ownerId(1)]), 'one of a lock with the prefix "lock:", not "app:"'],
])('the token %s is refused', async (token, expected) => {
  const { locks } = new World().client()
  const error = await locks.takeOver(token as string).catch((e: unknown) => e)
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', expected })
})

test('names of any kind, other servers, and options that are none', async () => {
  const { clients } = await world(2)
  const { locks } = clients[0]!
  const name = 'größe/7 {a}:\u{1F512}\n'
  const token = await (await locks.mutex(name).acquire()).handOver()
  const elsewhere = new World().client().locks
  expect(await elsewhere.takeOver(token).catch(code)).toEqual(['ERR_LOST', 'gone'])
  const wrong = locks.takeOver(token, { wait: 5 } as object)
  expect(await wrong.catch(code)).toEqual(['ERR_INVALID_ARGUMENT', undefined])
  expect((await clients[1]!.locks.takeOver(token)).name).toBe(name)
})

test('the kernel: a mode that cannot be, an id that is known', async () => {
  const w = new World()
  const [a, b, c] = [ownerId(1), ownerId(2), ownerId(3)]
  w.ask('x', a, { mode: 's' })
  expect(turn(w, a, b, 'x')[0]).toBe('gone')
  expect(turn(w, a, b, 'p')[0]).toBe('gone')
  expect(turn(w, a, a, 's')[0]).toBe('error')
  w.ask('x', b, { mode: 's' })
  expect(turn(w, a, b, 's')[0]).toBe('gone')
  expect(turn(w, a, c, 's')[0]).toBe('turned')
  expect(turn(w, a, c, 'x')[0]).toBe('gone')
})
