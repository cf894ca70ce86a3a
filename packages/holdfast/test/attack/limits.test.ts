// Time limits: of a batch, and of one call through everything that it takes.
import { expect, test } from 'vitest'
import type { Parcel } from '../kit/sim-net.js'
import { World } from '../kit/world.js'

const about =
  (name: string) =>
  ({ keys }: Parcel): boolean =>
    keys.includes(`lock:${name}`)

test('a short lease hears of a lost reply after its own limit, beside a long one', async () => {
  const w = new World()
  const a = w.client()
  const long = await a.locks.mutex('long').acquire({ ttl: 5000 })
  const short = await a.locks.mutex('short').acquire({ ttl: 300 })
  w.net.drop('reply', 'renew', { when: about('short') })
  // In one turn of the event loop; the long one is first.
  const [other, asked] = [w.watch(long.verify()), w.watch(short.verify())]
  await w.advance(50)
  expect(asked.error.code).toBe('ERR_UNAVAILABLE')
  await w.advance(450)
  short.assertHeld()
  expect(other.state).toBe('done')
})

test('the same when the timer renews both, at whatever moment the reply is lost', async () => {
  let together = 0
  for (let lost = 0; lost < 40; lost++) {
    const w = new World()
    const a = w.client()
    await a.locks.mutex('long').acquire({ ttl: 5000 })
    await w.advance(40)
    const short = await a.locks.mutex('short').acquire({ ttl: 300 })
    let seen = 0
    w.net.drop('reply', 'renew', { when: (one) => about('short')(one) && seen++ === lost })
    await w.advance(5000)
    short.assertHeld()
    const times = w.net.log.filter(({ what }) => what === 'renew').map(({ at }) => at)
    together += times.length - new Set(times).size
  }
  expect(together).toBeGreaterThan(0)
})

test('one try ends within one limit, when the hello is slow and the call is lost', async () => {
  const w = new World()
  const a = w.client()
  w.net.delay('request', 'hello', 300)
  w.net.drop('reply', 'acquire')
  const tried = w.watch(a.locks.mutex('x').acquire({ wait: 0 }))
  await w.advance(2000)
  expect(tried.error.code).toBe('ERR_UNAVAILABLE')
  expect(tried.at).toBe(500)
})

test('one try: the connection took long, the hello took long, and the call is lost', async () => {
  const w = new World()
  const a = w.client()
  a.port.ready = false
  w.net.delay('request', 'hello', 200)
  w.net.drop('reply', 'acquire')
  const tried = w.watch(a.locks.mutex('x').acquire({ wait: 0 }))
  await w.advance(200)
  a.port.ready = true
  await w.advance(2000)
  expect(w.net.count('acquire')).toBe(1)
  expect(tried.error.code).toBe('ERR_UNAVAILABLE')
  expect(tried.at).toBe(500)
})

test('one try: the hello took long, and then the connection is gone', async () => {
  const w = new World()
  const a = w.client()
  w.net.delay('request', 'hello', 300)
  const tried = w.watch(a.locks.mutex('x').acquire({ wait: 0 }))
  await w.advance(100)
  a.port.ready = false
  await w.advance(2000)
  expect(w.net.count('acquire')).toBe(0)
  expect(tried.error.code).toBe('ERR_UNAVAILABLE')
  expect(tried.at).toBe(500)
})

test('what is carried out after that limit is refused, though it was sent late', async () => {
  const w = new World()
  const a = w.client()
  w.net.delay('request', 'hello', 300)
  // Nothing is given back either: only the limit keeps the server clean.
  w.net.drop('request', 'release', { times: Infinity })
  const request = w.net.hold('request', 'acquire')
  const tried = w.watch(a.locks.mutex('x').acquire({ wait: 0 }))
  await w.advance(510)
  expect(tried.state).toBe('failed')
  request.release()
  await w.advance()
  expect(w.left()).toEqual([])
})

test('one try: the connection took long, and the hello is lost', async () => {
  const w = new World()
  const a = w.client()
  a.port.ready = false
  w.net.drop('reply', 'hello')
  const tried = w.watch(a.locks.mutex('x').acquire({ wait: 0 }))
  await w.advance(400)
  a.port.ready = true
  await w.advance(2000)
  expect(tried.error.code).toBe('ERR_UNAVAILABLE')
  expect(tried.at).toBe(500)
})

test('a short one that shares the hello of a long one has its own limit all the same', async () => {
  const w = new World()
  const a = w.client()
  w.net.drop('reply', 'hello', { times: Infinity })
  const long = w.watch(a.locks.mutex('long').acquire({ ttl: 5000, wait: 0 }))
  const short = w.watch(a.locks.mutex('short').acquire({ ttl: 300, wait: 0 }))
  await w.advance(2000)
  expect([long.at, short.at]).toEqual([500, 50])
})

test('a long one that shares the hello of a short one is not cut short by it', async () => {
  const w = new World()
  const a = w.client()
  w.net.delay('reply', 'hello', 100, { times: Infinity })
  const short = w.watch(a.locks.mutex('short').acquire({ ttl: 300, wait: 0 }))
  const long = w.watch(a.locks.mutex('long').acquire({ ttl: 5000, wait: 0 }))
  await w.advance(2000)
  expect([short.at, long.at]).toEqual([50, 100])
  expect(long.state).toBe('done')
})
