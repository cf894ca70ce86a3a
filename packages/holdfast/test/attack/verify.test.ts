// verify and extend resolve only when the server has renewed; a lease of another run is lost at once.
import { expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { keysOf } from '../../src/kernel/names.js'
import { believers, World } from '../kit/world.js'

/** Every answer to a renewal says this, at the server time `us` if there is one. */
function answers(w: World, item: readonly string[], us?: string): () => void {
  return w.net.rewrite('renew', (reply) => {
    const [now, run] = reply as readonly Reply[]
    return [us ?? now!, run!, '', item]
  })
}

const OOM = "OOM command not allowed when used memory > 'maxmemory'."
const CASES = [
  { said: 'late', item: ['late'], old: false },
  { said: 'that it has no memory', item: ['error', OOM], old: false },
  { said: '"gone", of a time before the grant', item: ['gone'], old: true },
  { said: '"forced", of a time before the grant', item: ['forced'], old: true },
]

for (const { said, item, old } of CASES) {
  test(`verify and extend reject when the server says ${said}`, async () => {
    const w = new World()
    const a = w.client()
    const lock = await a.locks.mutex('x').acquire()
    await w.advance(1000)
    const before = lock.validFor
    const end = answers(w, item, old ? String(lock.fence - 1) : undefined)
    await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE', lock: 'x' })
    await expect(lock.extend('20s')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE', lock: 'x' })
    expect(lock.validFor).toBe(before)
    end()
    await lock.verify()
    expect(lock.validFor).toBeGreaterThan(18_000)
  })
}

test('verify asks a server that answers "late" again, but not for ever', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  answers(w, ['late'])
  await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' })
  expect(w.net.count('renew')).toBe(3)
})

test('a server that came back empty, and another holds: verify says that it is lost', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const lock = await a.locks.mutex('x').acquire()
  await w.advance(1000)
  w.server.restart()
  const other = await b.locks.mutex('x').acquire()
  await expect(lock.verify()).rejects.toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
  expect(lock.signal.aborted).toBe(true)
  expect(believers(lock, other)).toBe(1)
  expect(w.holder('x')).toBe(other.owner)
})

test('the same by extend', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const lock = await a.locks.mutex('x').acquire()
  await w.advance(1000)
  w.server.restart()
  await b.locks.mutex('x').acquire()
  await expect(lock.extend('60s')).rejects.toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
})

test('a renewal by the timer tells the loss then, not an eighth of the lease later', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  const { signal } = lock
  let told = NaN
  signal.addEventListener('abort', () => (told = w.clock.monotonic()))
  await w.advance(1000)
  w.server.restart()
  await w.advance(9000)
  expect(w.net.log.find(({ what }) => what === 'renew')!.at).toBe(told)
})

test('a server that came back with everything renews at once, though its run is another', async () => {
  const w = new World()
  const a = w.client()
  const lock = await a.locks.mutex('x').acquire()
  await w.advance(1000)
  w.server.runId = 'run2run2run2run2'
  await lock.verify()
  expect(w.server.space.expiry(keysOf('x', 'lock:')[0])).toBe(w.serverMs + 10_000)
})
