import { expect, test } from 'vitest'
import { Events } from '../real/kit.js'
import { believers, World } from '../kit/world.js'

// On the simulated world: a server's clock cannot be set on a real machine. Rows of safety.md, 7.

test("[16] the server's clock steps forward | F, two hold until the renewal; tokens rise", async () => {
  const events = new Events()
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const one = w.watch(a.locks.mutex('x').acquire())
  await w.advance()
  w.serverStep = 60_000
  const two = w.watch(b.locks.mutex('x').tryAcquire())
  await w.advance()
  expect(two.state).toBe('done')
  expect(believers(one.value, two.value!)).toBe(2)
  expect(two.value!.fence).toBeGreaterThan(one.value.fence)
  await w.advance(4000)
  expect(believers(one.value, two.value!)).toBe(1)
  expect(one.value.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
  events.stop()
  expect(events.of('holdfast:clock-step')).toMatchObject([{ clock: 'server' }])
})

test("[17] the server's clock steps back | E, a holder counts by its own clock", async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const one = w.watch(a.locks.mutex('x', { renew: false }).acquire())
  await w.advance()
  w.serverStep = -60_000
  await w.advance(11_000)
  expect(one.value.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
  await w.advance(1000)
  const two = w.watch(b.locks.mutex('x').tryAcquire())
  await w.advance()
  expect(two.value!.fence).toBeGreaterThan(one.value.fence)
})

test('[17] the same, and the holder is stopped | U, taken for as much longer', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const one = w.watch(a.locks.mutex('x', { renew: false }).acquire())
  await w.advance()
  a.clock.freeze('stopped')
  w.serverStep = -60_000
  await w.advance(30_000)
  const early = w.watch(b.locks.mutex('x').tryAcquire())
  await w.advance()
  expect(early).toMatchObject({ state: 'done', value: null })
  await w.advance(45_000)
  const late = w.watch(b.locks.mutex('x').tryAcquire())
  await w.advance()
  expect(late.value!.fence).toBeGreaterThan(one.value.fence)
})

test('[18] clocks run apart by more than the drift allowed for | F, tokens rise', async () => {
  const w = new World()
  // This one believes that nine seconds have passed where ten have.
  const [a, b] = [w.client({ rate: 0.9 }), w.client()]
  const one = w.watch(a.locks.mutex('x', { renew: false, margin: 50 }).acquire())
  await w.advance(10_001)
  const two = w.watch(b.locks.mutex('x').tryAcquire())
  await w.advance()
  expect(believers(one.value, two.value!)).toBe(2)
  expect(two.value!.fence).toBeGreaterThan(one.value.fence)
})
