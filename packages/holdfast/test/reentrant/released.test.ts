import { expect, test } from 'vitest'
import { World } from '../kit/world.js'

test('a release that finds the lease lost, and a listener that releases: the use around it is entered as ever', async () => {
  const world = new World()
  const { locks } = world.client()
  const outer = locks.mutex('outer', { reentrant: true, ttl: '1m' })
  const inner = locks.mutex('inner', { ttl: 1000 })
  const had: unknown[] = []
  const work = world.watch(
    outer.use(async () => {
      const lost = inner.use(async (lock) => {
        lock.signal.addEventListener('abort', () => void lock.release())
        // Past its lease; no timer has told it.
        world.clock.block(2000)
        had.push(await lock.release())
      })
      await lost.catch((error: unknown) => had.push((error as { code: string }).code))
      await outer.use((lock) => had.push(lock.holdCount), { wait: 500 })
    }),
  )
  await world.advance(3000)
  expect(had).toEqual([{ released: false, reason: 'lost' }, 'ERR_LOST', 2])
  expect(work.state).toBe('done')
})
