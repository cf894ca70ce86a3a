// S4: the clock bound is that of one server run, sees contradictions, and has a local clock.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import { believers, World, type Outcome, type SimClient } from '../kit/world.js'

/** What is left of a lease by the server's clock. */
const left = (w: World, name: string): number =>
  (w.server.space.expiry(keysOf(name, 'lock:')[0]) ?? 0) - w.serverMs

interface Scene {
  readonly w: World
  readonly a: SimClient
  readonly b: SimClient
  readonly held: Lock
  readonly wait: Outcome<Lock>
}

/** a holds x, b waits for it. */
async function scene(claim = 2000): Promise<Scene> {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x', { claim }).acquire())
  await w.advance(100)
  return { w, a, b, held, wait }
}

test('S4a: a message of another server run is confirmed by renew first', async () => {
  const { w, b, held, wait } = await scene()
  // After a failover: another server with the same keys, its clock half a second ahead. The message
  // is so slow that its own time shows nothing.
  w.server.runId = 'run2run2run2run2'
  w.serverStep = 500
  w.net.delay('push', 'grant', 600)
  await held.release()
  const granted = w.net.count('renew', b)
  await w.advance(600)
  expect(wait.state).toBe('done')
  expect(w.net.count('renew', b)).toBeGreaterThan(granted)
  expect(wait.value.validFor).toBeLessThan(left(w, 'x'))
})

test('S4a: a grant that could not be confirmed at once keeps nobody out for its claim', async () => {
  const { w, b, held, wait } = await scene()
  w.server.runId = 'run2run2run2run2'
  await held.release()
  // The first confirmation carries a limit for the run that is over, and is refused.
  await w.advance()
  expect(wait.state).toBe('done')
  expect(w.holder('x')).toBe(wait.value.owner)
  expect(w.net.count('renew', b)).toBe(2)
})

test('S4b: a message whose own time contradicts the samples is confirmed first', async () => {
  const { w, b, held, wait } = await scene()
  w.serverStep = 5000
  await held.release()
  await w.advance()
  expect(wait.state).toBe('done')
  expect(w.net.count('renew', b)).toBe(1)
  expect(wait.value.validFor).toBeLessThan(left(w, 'x'))
})

test('S4b: after a forward step the samples from before it bound nothing', async () => {
  const { w, b, held, wait } = await scene(5000)
  const other = await b.locks.mutex('y').acquire()
  w.serverStep = 1000
  // This answer contradicts them. The message comes so late that it does not.
  await other.verify()
  w.net.delay('push', 'grant', 1500)
  await held.release()
  await w.advance(1500)
  expect(wait.state).toBe('done')
  expect(wait.value.validFor).toBeLessThan(left(w, 'x'))
})

test('S4b: after a step back notAfter is by the new clock', async () => {
  const w = new World()
  const a = w.client()
  const other = await a.locks.mutex('y').acquire()
  w.serverStep = -5000
  await other.verify()
  // Two-sided: the old lower bound would admit this request five seconds after its caller gave up.
  const request = w.net.hold('request', 'acquire')
  const wait = w.watch(a.locks.mutex('x').tryAcquire())
  await w.advance(1000)
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  request.release()
  await w.advance()
  expect(w.holder('x')).toBe(null)
})

test('S4b: a server clock that stepped back ends a pushed lease early, never late', async () => {
  const { w, held, wait } = await scene()
  w.serverStep = -5000
  await held.release()
  await w.advance()
  expect(wait.state === 'done' ? wait.value.validFor : 0).toBeLessThan(left(w, 'x'))
})

test('S4c: a lease does not outlive the sleep of its machine', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait = w.watch(b.locks.mutex('x').acquire({ wait: '60s' }))
  await w.advance(100)
  a.clock.freeze('asleep')
  await w.advance(20_000)
  expect(wait.state).toBe('done')
  a.clock.thaw()
  // Before any timer or message: whoever looks sees the clock's answer.
  expect(held.signal.aborted).toBe(true)
  expect(believers(held, wait.value)).toBe(1)
})

test('S4c: a sleep that the wall clock hides is seen by the boot clock at the next timer', async () => {
  const w = new World()
  const a = w.client()
  const held = await a.locks.mutex('x').acquire()
  await w.advance(100)
  a.clock.freeze('asleep')
  await w.advance(20_000)
  a.clock.step(-20_000)
  const silent = w.net.silence()
  a.clock.thaw()
  await w.advance(3500)
  expect(held.signal.aborted).toBe(true)
  silent()
})

test('S4c: the wall clock set back gives a lease no more time', async () => {
  const w = new World()
  const a = w.client()
  const held = await a.locks.mutex('x', { renew: false }).acquire()
  await w.advance(100)
  a.clock.step(-100_000)
  expect(held.validFor).toBe(10_000 - 100 - 102 - 500)
  await w.advance(9900)
  expect(left(w, 'x')).toBeLessThanOrEqual(0)
  expect(held.signal.aborted).toBe(true)
})

test('S4c: set forward and back again it costs the lease, and gives none time', async () => {
  const w = new World()
  const a = w.client()
  const held = await a.locks.mutex('x', { renew: false }).acquire()
  a.clock.step(100_000)
  expect(held.signal.aborted).toBe(true)
  a.clock.step(-100_000)
  const next = await a.locks.mutex('y', { renew: false }).acquire()
  await w.advance(10_000)
  expect(next.signal.aborted).toBe(true)
})

test('S4c: a jump of the local clock drops all samples', async () => {
  const w = new World()
  const a = w.client()
  await (await a.locks.mutex('y').acquire()).release()
  a.clock.step(5000)
  // With the old samples the limit would be five seconds too late by the server's clock.
  const request = w.net.hold('request', 'acquire')
  const wait = w.watch(a.locks.mutex('x').tryAcquire())
  await w.advance(1000)
  expect(wait.error.code).toBe('ERR_UNAVAILABLE')
  expect(w.net.count('hello')).toBe(2)
  request.release()
  await w.advance()
  expect(w.holder('x')).toBe(null)
})

test('S4: clocks that drift within the bound never make two holders', async () => {
  const w = new World()
  const [a, b] = [w.client({ rate: 0.991 }), w.client({ rate: 1.009, ahead: 77_000 })]
  let last: Lock | undefined
  for (let i = 0; i < 6; i++) {
    const client = i % 2 ? a : b
    const wait = w.watch(client.locks.mutex('x', { renew: false }).acquire({ wait: '60s' }))
    while (wait.state === 'pending') {
      await w.advance(10)
      expect(believers(last, wait.value)).toBeLessThanOrEqual(1)
    }
    expect(wait.state).toBe('done')
    expect(wait.value.validFor).toBeGreaterThan(1000)
    last = wait.value
  }
})
