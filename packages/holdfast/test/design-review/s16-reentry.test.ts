// S16: re-entry by asynchronous context must not let siblings in together, nor leak to others.
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { World } from '../kit/world.js'

function stage() {
  const w = new World()
  const { locks } = w.client()
  return { w, locks, m: locks.mutex('x', { reentrant: true }) }
}

test('S16: both branches of a Promise.all re-enter, and not together', async () => {
  const { w, m } = stage()
  let inside = 0
  let most = 0
  const f = (): Promise<void> =>
    m.use(async () => {
      most = Math.max(most, ++inside)
      await new Promise(setImmediate)
      inside--
    })
  const call = w.watch(m.use(() => Promise.all([f(), f()])))
  for (let i = 0; i < 5; i++) await w.advance()
  expect(call.state).toBe('done')
  expect(most).toBe(1)
  expect(w.net.count('acquire')).toBe(1)
})

test('S16: a handle puts nothing into the context of who takes it, or of its caller', async () => {
  const { w, locks, m } = stage()
  const takes = async (): Promise<Lock> => m.acquire()
  const lock = await takes()
  // Neither a re-entry nor a deadlock: what the handle's owner is, only an owner says.
  const call = w.watch(locks.mutex('x').acquire())
  await w.advance(100)
  expect(call.state).toBe('pending')
  await lock.release()
  await w.advance()
  expect(call.state).toBe('done')
})

test('S16: an emitter that was made inside lets nobody in after the use', async () => {
  const { w, m } = stage()
  const emitter = new EventEmitter()
  let late: Promise<number> | undefined
  const call = w.watch(
    m.use(({ fence }) => {
      emitter.once('later', () => {
        late = m.use((lock) => lock.fence)
      })
      return fence
    }),
  )
  await w.advance()
  const held = await w.clients[0]!.locks.mutex('x').acquire()
  emitter.emit('later')
  const inside = w.watch(late!)
  await w.advance(100)
  expect(inside.state).toBe('pending')
  await held.release()
  await w.advance()
  expect(inside.value).toBeGreaterThan(call.value)
})
