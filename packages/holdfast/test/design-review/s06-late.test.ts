// S6: on one node only notAfter refuses a late request. S14: a claim is not the lease asked for.
import { expect, test } from 'vitest'
import { keysOf } from '../../src/kernel/names.js'
import { believers, ownerId, World } from '../kit/world.js'

test('S6: a request that was delayed past the end of its attempt is refused by the server', async () => {
  const w = new World()
  const a = w.client()
  const request = w.net.hold('request', 'acquire')
  const wait = w.watch(a.locks.mutex('x').tryAcquire())
  await w.advance(510)
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  expect(w.net.count('release')).toBe(1)
  request.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('S6: the limit comes from the lower bound of the clock difference', async () => {
  const w = new World()
  const a = w.client()
  // The hello takes 300 ms on its way: by the upper bound the server would be ahead by as much.
  w.net.delay('request', 'hello', 300)
  const request = w.net.hold('request', 'acquire')
  const wait = w.watch(a.locks.mutex('x').tryAcquire())
  await w.advance(300 + 510)
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  request.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('S6: a place in line that was asked for late is refused too', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const when = ({ args }: { args: readonly string[] }): boolean => args[6] === '1'
  const request = w.net.hold('request', 'acquire', { of: b, when })
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: 600 }))
  await w.advance(1500)
  expect(wait.state).toBe('failed')
  request.release()
  await w.advance()
  expect(w.line('x')).toEqual([])
  await held.release()
})

test('S6: an attempt ends with its call: a shorter wait is a shorter limit', async () => {
  const w = new World()
  const a = w.client()
  const request = w.net.hold('request', 'acquire')
  const wait = w.watch(a.locks.mutex('x').acquire({ wait: 100 }))
  await w.advance(200)
  expect(wait.state).toBe('failed')
  w.net.drop('reply', 'acquire')
  request.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('S6: requests that travel in one call have each their own limit', async () => {
  const w = new World()
  const a = w.client()
  const request = w.net.hold('request', 'acquire')
  const hasty = w.watch(a.locks.mutex('x').acquire({ wait: 100 }))
  const patient = w.watch(a.locks.mutex('y').acquire())
  await w.advance(200)
  request.release()
  await w.advance()
  expect(w.net.log.filter(({ what }) => what === 'acquire').map(({ items }) => items)).toEqual([2])
  expect([hasty.state, patient.state]).toEqual(['failed', 'done'])
  expect(w.holder('x')).toBe(null)
  // The one of the moment when it gave up: there was nothing to give back later.
  expect(w.net.count('release')).toBe(1)
})

test('S6: a copy of an acquire that comes after its release and its limit is refused', async () => {
  const w = new World()
  const a = w.client()
  const copy = w.net.double('request', 'acquire')
  await (await a.locks.mutex('x').acquire()).release()
  await w.advance(501)
  copy.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('S6: a release that overtook its acquire is sent once more when the answer comes', async () => {
  const w = new World()
  const a = w.client()
  const request = w.net.hold('request', 'acquire')
  const gone = new AbortController()
  const wait = w.watch(a.locks.mutex('x').acquire({ signal: gone.signal }))
  await w.advance(10)
  gone.abort(new Error('never mind'))
  await w.advance(10)
  expect(wait.error.message).toBe('never mind')
  // Redirections and reconnections reorder; this is still within the limit.
  request.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('S6: a request made for another server run is not carried out', () => {
  const w = new World()
  const ms = String(Math.floor(w.serverMs) + 1000)
  expect(w.ask('x', ownerId(1), { notAfter: { ms, run: 'run2run2run2run2' } })).toEqual(['late'])
  expect(w.left()).toEqual([])
})

test('S6: a client that is not ready sends nothing, then or later', async () => {
  const w = new World()
  const a = w.client()
  a.port.ready = false
  const wait = w.watch(a.locks.mutex('x').tryAcquire())
  await w.advance(600)
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  expect(a.port.wishes).toBe(0)
  a.port.ready = true
  await w.advance(1000)
  expect(w.net.count('acquire')).toBe(0)
  await a.locks.close()
  expect(w.left()).toEqual([])
})

test('S14: without renewal a pushed claim is renewed to the full ttl before anything runs', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x', { renew: false, ttl: '30s' }).acquire())
  await w.advance()
  await held.release()
  await w.advance()
  expect(w.net.count('renew', b)).toBe(1)
  expect(wait.value.validFor).toBeGreaterThan(27_000)
  expect(w.serverMs + wait.value.validFor).toBeLessThan(
    w.server.space.expiry(keysOf('x', 'lock:')[0])!,
  )
  const next = w.watch(c.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance(25_000)
  expect(believers(wait.value, next.value)).toBe(1)
})

test('S14: with renewal the caller starts at once, and validFor says that it has the claim', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x', { ttl: '30s' }).acquire())
  await w.advance()
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
  expect(w.net.count('renew', b)).toBe(0)
  expect(wait.value.validFor).toBeLessThanOrEqual(2000)
  await w.advance(700)
  expect(w.net.count('renew', b)).toBe(1)
  expect(wait.value.validFor).toBeGreaterThan(27_000)
})

test('S14: a ttl within the claim needs no confirmation', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x', { renew: false, ttl: 1000 }).acquire())
  await w.advance()
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
  expect(w.net.count('renew', b)).toBe(0)
})
