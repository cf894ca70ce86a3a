// S15: K is the shadow of the shared holders, and both sides look at both keys.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { ownerId, World } from '../kit/world.js'

const [k] = keysOf('x', 'lock:')
const marker = 'hf:shared'
const [reader, other, writer] = [ownerId(1), ownerId(2), ownerId(3)]
const ends = (w: World): number => Math.round(w.server.space.expiry(k)! - w.serverMs)

/** One who reads for 5 s, one for 10 s. */
function reading(): World {
  const w = new World()
  expect(w.ask('x', reader, { mode: 's', ttl: 5000 })[0]).toBe('granted')
  expect(w.ask('x', other, { mode: 's', ttl: 10_000 })[0]).toBe('granted')
  return w
}

test('S15: the marker lasts as long as the last shared holder, and no longer', () => {
  const w = reading()
  expect(w.holder('x')).toBe(marker)
  expect(ends(w)).toBe(10_000)
  w.renew('x', reader, 20_000)
  expect(ends(w)).toBe(20_000)
  w.release('x', reader)
  expect(ends(w)).toBe(10_000)
  w.release('x', other)
  expect(w.holder('x')).toBe(null)
  expect(w.left()).toEqual([])
})

test('S15: a plain SET NX of another library fails under the last live reader', () => {
  const w = reading()
  w.clock.block(9999)
  expect(w.holder('x')).toBe(marker)
  expect(w.ask('x', writer, { wait: false })[0]).toBe('taken')
  w.clock.block(2)
  expect(w.holder('x')).toBe(null)
})

test('S15: K deleted by somebody, but live readers: held, for a writer', () => {
  const w = reading()
  w.server.del(k)
  expect(w.ask('x', writer, { wait: false })[0]).toBe('taken')
  expect(w.ask('x', writer)[0]).toBe('queued')
})

test('S15: K is the marker, but no reader lives: free, for a writer', () => {
  const w = new World()
  w.server.set(k, marker, 60_000)
  expect(w.ask('x', writer, { wait: false })[0]).toBe('granted')
})

test('S15: a renewal writes the marker again where it is missing', () => {
  const w = reading()
  w.server.del(k)
  expect(w.renew('x', other, 10_000)[0]).toBe('renewed')
  expect(w.holder('x')).toBe(marker)
  expect(ends(w)).toBe(10_000)
})

test('S15: a foreign taker in K: a renewal of a reader is told that it lost', () => {
  const w = reading()
  w.server.set(k, 'redlock', 30_000)
  expect(w.renew('x', reader)[0]).toBe('gone')
  expect(w.ask('x', reader, { mode: 's', wait: false })[0]).not.toBe('granted')
})

test('S15: a foreign taker in K: the release of a reader does not delete it', () => {
  const w = reading()
  w.server.set(k, 'redlock', 30_000)
  w.release('x', reader)
  w.release('x', other)
  expect(w.holder('x')).toBe('redlock')
  expect(ends(w)).toBe(30_000)
})

test('S15: nor does a reader that is asked for or granted write over it', () => {
  const w = reading()
  w.server.set(k, 'redlock', 30_000)
  expect(w.ask('x', ownerId(4), { mode: 's', wait: false })[0]).toBe('taken')
  expect(w.ask('x', ownerId(4), { mode: 's' })[0]).toBe('queued')
  expect(w.holder('x')).toBe('redlock')
})

test('S15: a dead reader costs a writer its own lease, not that of the others', () => {
  const w = reading()
  w.release('x', other)
  expect(w.ask('x', writer)[0]).toBe('queued')
  w.clock.block(5001)
  expect(w.ask('x', writer)[0]).toBe('granted')
  expect(w.holder('x')).toBe(writer)
})
