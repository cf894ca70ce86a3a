// Readers whose end somebody asked for: all of them, and nobody comes in before they have gone.
import { expect, test } from 'vitest'
import { ownerId, type World } from '../kit/world.js'
import { ask, served, world } from './kit.js'

test('every reader is told, and the writer has its turn when the last has let go', async () => {
  const { w, clients } = await world(4)
  const reads = [await ask(w, clients[0]!, 'read'), await ask(w, clients[1]!, 'read')]
  const write = await ask(w, clients[2]!, 'write')
  expect(await clients[3]!.locks.forceRelease('x')).toMatchObject({ freed: false, asked: 2 })
  await w.advance()
  for (const { value } of reads) {
    expect(value.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'forced' })
  }
  expect(write.state).toBe('done')
})

test('no new reader comes in before those asked have gone', async () => {
  const { w, clients } = await world(4)
  const reads = [await ask(w, clients[0]!, 'read'), await ask(w, clients[1]!, 'read')]
  w.net.drop('push', 'forced', { times: Infinity })
  await clients[3]!.locks.forceRelease('x')
  expect(await clients[2]!.locks.readWrite('x').read().tryAcquire()).toBe(null)
  const late = await ask(w, clients[2]!, 'read')
  const later = await ask(w, clients[3]!, 'read')
  await reads[0]!.value.release()
  await w.advance()
  expect(served(late, later)).toEqual([])
  await reads[1]!.value.release()
  await w.advance()
  expect(served(late, later)).toEqual([0, 1])
  // They were not asked, and the withholding is over: others come in, and they renew.
  const third = await ask(w, clients[0]!, 'read')
  await w.advance(30_000)
  for (const { value } of [late, later, third]) value.assertHeld()
  for (const { value } of [late, later, third]) await value.release()
  expect(w.left()).toEqual([])
})

test('asked ones that are dead cost their leases, and no more', async () => {
  const { w, clients } = await world(4)
  await ask(w, clients[0]!, 'read', { ttl: 3000 })
  clients[0]!.clock.freeze('stopped')
  await clients[3]!.locks.forceRelease('x')
  const late = await ask(w, clients[1]!, 'read')
  await w.advance(2900)
  expect(late.state).toBe('pending')
  await w.advance(300)
  expect(late.state).toBe('done')
  const beside = await ask(w, clients[2]!, 'read')
  expect(beside.state).toBe('done')
  await w.advance(20_000)
  late.value.assertHeld()
})

test('an asked reader that heard nothing cannot renew', async () => {
  const { w, clients } = await world(2)
  const { value: reader } = await ask(w, clients[0]!, 'read')
  w.net.drop('push', 'forced', { times: Infinity })
  await clients[1]!.locks.forceRelease('x')
  await w.advance(3500)
  expect(reader.signal.reason).toMatchObject({ reason: 'forced' })
  expect(w.left()).toEqual([])
})

/** So many readers of x, by bare calls of the kernel. */
function crowd(w: World, count: number): readonly string[] {
  const owners = Array.from({ length: count }, (_, i) => ownerId(1000, i + 1))
  for (const owner of owners) w.ask('x', owner, { mode: 's', ttl: 60_000 })
  return owners
}

test('200 readers: all are asked, also those whom no message told', async () => {
  const { w, clients } = await world(2)
  const owners = crowd(w, 200)
  expect(await clients[0]!.locks.forceRelease('x')).toMatchObject({ freed: false, asked: 200 })
  expect(owners.map((owner) => w.renew('x', owner)[0])).toEqual(owners.map(() => 'forced'))
  const late = await ask(w, clients[1]!, 'read')
  for (const owner of owners) {
    expect(late.state).toBe('pending')
    expect(w.release('x', owner)[0]).toBe('released')
  }
  await w.advance()
  expect(late.state).toBe('done')
})

test('200 readers with { now }: none is left, and nobody comes in between', async () => {
  const { w, clients } = await world(4)
  const owners = crowd(w, 200)
  const write = await ask(w, clients[1]!, 'write')
  const late = await ask(w, clients[2]!, 'read')
  const before = w.net.count('force')
  const result = await clients[0]!.locks.forceRelease('x', { now: true })
  expect(result).toEqual({ freed: true, asked: 200, remaining: 0 })
  expect(w.net.count('force') - before).toBe(4)
  await w.advance()
  expect(served(write, late)).toEqual([0])
  for (const owner of owners) expect(w.renew('x', owner)[0]).toBe('gone')
  await write.value.release()
  await w.advance()
  await late.value.release()
  expect(w.left()).toEqual([])
})

test('between two of its calls no reader comes in', async () => {
  const { w, clients } = await world(2)
  crowd(w, 100)
  const force = (): readonly string[] => w.kernel('force', 'x', ['1', ''])
  expect(force()).toEqual(['forced', '64', '36'])
  expect(await clients[0]!.locks.readWrite('x').read().tryAcquire()).toBe(null)
  expect(force()).toEqual(['forced', '36', '0'])
  const reader = await clients[0]!.locks.readWrite('x').read().tryAcquire()
  await w.advance(20_000)
  reader!.assertHeld()
  await reader!.release()
  expect(w.left()).toEqual([])
})
