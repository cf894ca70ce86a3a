// From writer to reader: in one step, under a new owner id.
import { expect, test } from 'vitest'
import type { HoldfastError, Lock } from '../../src/index.js'
import { ownerId } from '../kit/world.js'
import { ask, served, world } from './kit.js'

const code = (error: HoldfastError): unknown => [error.code, error.reason]

test('a downgrade lets in the readers at the head, and no writer in between', async () => {
  const { w, clients } = await world(6)
  const write = await ask(w, clients[0]!, 'write')
  const reads = [await ask(w, clients[1]!, 'read'), await ask(w, clients[2]!, 'read')]
  const next = await ask(w, clients[3]!, 'write')
  const late = await ask(w, clients[4]!, 'read')
  const before = w.net.count()
  const reader = await write.value.downgrade()
  await w.advance()
  // One call; the readers need none.
  expect(w.net.count() - before).toBe(1)
  expect(served(...reads, next, late)).toEqual([0, 1])
  expect(reader.owner).not.toBe(write.value.owner)
  expect(reader.fence).toBeGreaterThan(write.value.fence)
  for (const { value } of reads) expect(value.fence).toBeGreaterThan(reader.fence)
  await Promise.all([reader, ...reads.map(({ value }) => value)].map((each) => each.release()))
  await w.advance()
  expect(served(...reads, next, late)).toEqual([2])
  await next.value.release()
  await w.advance()
  await late.value.release()
  expect(w.left()).toEqual([])
})

test('a writer that stands first goes on waiting', async () => {
  const { w, clients } = await world(3)
  const write = await ask(w, clients[0]!, 'write')
  const next = await ask(w, clients[1]!, 'write')
  const behind = await ask(w, clients[2]!, 'read')
  const reader = await write.value.downgrade()
  await w.advance(15_000)
  expect(served(next, behind)).toEqual([])
  reader.assertHeld()
  await reader.release()
  await w.advance()
  expect(served(next, behind)).toEqual([0])
})

test('the old handle is over from the call on; its release does nothing more', async () => {
  const { w, clients } = await world(2)
  const { value: write } = await ask(w, clients[0]!, 'write')
  const pending = write.downgrade()
  expect(write.validFor).toBe(0)
  expect(() => write.assertHeld()).toThrow('was downgraded')
  const reader = await pending
  const releases = w.net.count('release')
  expect(await write.release()).toEqual({ released: true })
  expect(await write.downgrade().catch(code)).toEqual(['ERR_LOST', 'gone'])
  expect(write.signal.aborted).toBe(false)
  await w.advance(60_000)
  reader.assertHeld()
  expect(w.net.count('release')).toBe(releases)
  const { holders } = await clients[1]!.locks.inspect('x')
  expect(holders.map(({ owner }) => owner)).toEqual([reader.owner])
  expect(await reader.release()).toEqual({ released: true })
})

test('S2, S15: a late copy of a release or a renewal of the old id harms nothing', async () => {
  const { w, clients } = await world(3)
  const { value: write } = await ask(w, clients[0]!, 'write')
  const reader = await write.downgrade()
  expect(w.release('x', write.owner)[0]).toBe('gone')
  expect(w.renew('x', write.owner)[0]).toBe('gone')
  await reader.verify()
  await reader.release()
  const { value: next } = await ask(w, clients[1]!, 'write')
  // Nor does a late copy of the downgrade itself.
  const late = w.kernel('turn', 'x', [write.owner, reader.owner, 's', '10000', '', '', ''])
  expect(late[0]).toBe('gone')
  await next.verify()
})

test('a downgrade that arrives twice is one', async () => {
  const { w, clients } = await world(2)
  const copy = w.net.double('request', 'turn')
  const { value: write } = await ask(w, clients[0]!, 'write')
  const reader = await write.downgrade()
  const { fence, holderCount } = await clients[1]!.locks.inspect('x')
  copy.release()
  await w.advance()
  expect(await clients[1]!.locks.inspect('x')).toMatchObject({ fence, holderCount })
  await reader.verify()
  await reader.release()
  copy.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('the reader has a lease of its own, which is renewed, and is lost by itself', async () => {
  const { w, clients } = await world(2)
  const taker = clients[0]!.locks.readWrite('x', { ttl: 3000 }).write()
  const reader = await (await taker.acquire()).downgrade()
  await w.advance(30_000)
  reader.assertHeld()
  expect(reader.validFor).toBeLessThanOrEqual(3000)
  w.net.silence(clients[0])
  await w.advance(3000)
  expect(reader.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
})

test('extend before it counts for the reader too', async () => {
  const { w, clients } = await world(1)
  const { value: write } = await ask(w, clients[0]!, 'write', { ttl: 5000 })
  await write.extend(20_000)
  const reader = await write.downgrade()
  expect(reader.validFor).toBeGreaterThan(18_000)
})

test('of a claim that was pushed and never renewed', async () => {
  const { w, clients } = await world(3)
  const first = await ask(w, clients[0]!, 'write')
  const write = await ask(w, clients[1]!, 'write')
  await first.value.release()
  await w.advance()
  const reader = await write.value.downgrade()
  expect(reader.validFor).toBeGreaterThan(9000)
  // Its client is not taken for one whose claim ran out.
  const next = await ask(w, clients[2]!, 'read')
  expect(served(next)).toEqual([0])
  await w.advance(5000)
  reader.assertHeld()
})

test('of a lock that is lost: ERR_LOST, and nothing is left behind', async () => {
  const { w, clients } = await world(2)
  const { value: write } = await ask(w, clients[0]!, 'write')
  w.server.del('lock:x')
  const next = await ask(w, clients[1]!, 'write')
  expect(await write.downgrade().catch(code)).toEqual(['ERR_LOST', 'gone'])
  expect(await write.release()).toEqual({ released: false, reason: 'lost' })
  await w.advance()
  await next.value.verify()
  await next.value.release()
  expect(w.left()).toEqual([])
})

test('of a lock that somebody forced: ERR_LOST, and the next has the name', async () => {
  const { w, clients } = await world(3)
  const { value: write } = await ask(w, clients[0]!, 'write')
  const next = await ask(w, clients[1]!, 'write')
  w.net.drop('push', 'forced')
  await clients[2]!.locks.forceRelease('x')
  expect(await write.downgrade().catch(code)).toEqual(['ERR_LOST', 'forced'])
  await w.advance()
  expect(next.state).toBe('done')
})

test('after its release, and of a reader: a clear error', async () => {
  const { w, clients } = await world(1)
  const { value: write } = await ask(w, clients[0]!, 'write')
  await write.release()
  expect(await write.downgrade().catch(code)).toEqual(['ERR_LOST', 'gone'])
  const { value: reader } = await ask(w, clients[0]!, 'read')
  expect(await reader.downgrade().catch(code)).toEqual(['ERR_INVALID_ARGUMENT', undefined])
  reader.assertHeld()
})

test.each(['request', 'reply'] as const)('unavailable (%s lost): nothing is left', async (lost) => {
  const { w, clients } = await world(2)
  const { value: write } = await ask(w, clients[0]!, 'write')
  const next = await ask(w, clients[1]!, 'write')
  w.net.drop(lost, 'turn')
  const failing = w.watch(write.downgrade())
  const releasing = w.watch(write.release())
  await w.advance(1001)
  expect(failing.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  expect(releasing.value).toEqual({ released: false, reason: 'unavailable' })
  expect(next.state).toBe('done')
  await next.value.release()
  expect(w.left()).toEqual([])
})

test('a request that comes after the caller gave up is not carried out', async () => {
  const { w, clients } = await world(2)
  const { value: write } = await ask(w, clients[0]!, 'write')
  const held = w.net.hold('request', 'turn')
  // The releases are lost too: only notAfter stands in the way.
  const lost = w.net.drop('request', 'release', { times: Infinity })
  const failing = w.watch(write.downgrade())
  await w.advance(1100)
  expect(failing.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
  held.release()
  await w.advance()
  expect(w.holder('x')).toBe(write.owner)
  lost()
  await w.advance(5000)
  expect(w.left()).toEqual([])
})

test('close while a downgrade is under way leaves nothing', async () => {
  const { w, clients } = await world(2)
  const { value: write } = await ask(w, clients[0]!, 'write')
  w.net.delay('request', 'turn', 50)
  const failing = w.watch(write.downgrade())
  await w.advance(10)
  const closed = w.watch(clients[0]!.locks.close())
  await w.advance(20)
  // It waits for what the answer may have to give back.
  expect(closed.state).toBe('pending')
  await w.advance(100)
  expect(failing.error).toMatchObject({ code: 'ERR_CLOSED' })
  expect(closed.state).toBe('done')
  expect(w.left()).toEqual([])
})

test('inside use: the function goes on as a reader, and use hides nothing', async () => {
  const { w, clients } = await world(2)
  const other = clients[1]!.locks.readWrite('x').read()
  const result = await clients[0]!.locks
    .readWrite('x')
    .write()
    .use(async (write: Lock) => {
      expect(await other.tryAcquire()).toBe(null)
      await using reader = await write.downgrade()
      const beside = await other.tryAcquire()
      expect(beside).not.toBe(null)
      await beside!.release()
      return reader.name
    })
  expect(result).toBe('x')
  expect(w.left()).toEqual([])
})

test('sent twice, it answers the same, and the later end counts', async () => {
  const { w } = await world(1)
  const [old, reader] = [ownerId(1), ownerId(2)]
  w.ask('x', old)
  const downgrade = (ttl: string): readonly string[] =>
    w.kernel('turn', 'x', [old, reader, 's', ttl, '', '', ''])
  const [status, token, ends, since] = downgrade('5000')
  expect(status).toBe('turned')
  expect(downgrade('5000')).toEqual([status, token, ends, since])
  await w.advance(100)
  expect(downgrade('4000')).toEqual([status, token, ends, since])
  expect(Number(downgrade('5000')[2])).toBe(Number(ends) + 100)
})

test('the kernel takes no old owner id for the new one', async () => {
  const { w } = await world(1)
  const [old, other] = [ownerId(1), ownerId(2)]
  w.ask('x', old)
  const to = (id: string): readonly string[] =>
    w.kernel('turn', 'x', [old, id, 's', '5000', '', '', ''])
  expect(to(old)[0]).toBe('error')
  w.ask('x', other)
  expect(to(other)[0]).toBe('gone')
  expect(w.holder('x')).toBe(old)
})
