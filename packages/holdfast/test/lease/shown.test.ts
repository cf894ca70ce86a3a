// What console.log shows of a lock.
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'

test('a lock is shown by its name, fence, and whether it is held and for how long', async () => {
  const w = new World()
  const { locks } = w.client()
  const lock = await locks.mutex('a').acquire({ ttl: 10_000 })
  await w.advance(1000)
  const { fence, validFor } = lock
  expect(validFor).toBeGreaterThan(5000)
  expect(inspect(lock)).toBe(
    `Lock { name: 'a', fence: ${fence}, held: true, validFor: ${validFor} }`,
  )
  expect(inspect([[[[{ lock }]]]], { depth: 0 })).toBe('[ [Array] ]')
  expect(inspect({ lock }, { depth: 0 })).toBe('{ lock: [Lock] }')
  await lock.release()
  expect(inspect(lock)).toBe(`Lock { name: 'a', fence: ${fence}, held: false, validFor: 0 }`)
})

test('to show a lock that is lost tells of its loss as any look does, and shows it', async () => {
  const w = new World()
  const { locks } = w.client()
  const lock = await locks.mutex('a').acquire()
  await w.client().locks.forceRelease('a', { now: true })
  await w.advance(10_000)
  expect(lock.signal.aborted).toBe(true)
  expect(inspect(lock)).toContain('held: false, validFor: 0')
})
