// What an election leaves behind when everything is closed.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'

test('close leaves no timer of an announcement that is to be sent again', async () => {
  const w = new World()
  const { locks, clock } = w.client()
  w.net.drop('request', 'announce')
  await locks.election('x').campaign()
  // Its time limit is over.
  await w.advance(600)
  const closed = w.watch(locks.close())
  await w.advance()
  expect([closed.state, clock.timers]).toEqual(['done', 0])
})

test('close ends a lead that pauses before its next campaign, at once', async () => {
  const w = new World()
  const { locks, clock } = w.client()
  const leading = w.watch(locks.election('x').lead(() => undefined))
  await w.advance(10)
  const closed = w.watch(locks.close())
  await w.advance()
  expect([closed.state, leading.error?.code]).toEqual(['done', 'ERR_CLOSED'])
  expect(clock.timers).toBe(0)
})
