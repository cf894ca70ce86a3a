// A request that is carried out after its own release: what it took is given back.
import { expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { Holdfast, type Lock } from '../../src/index.js'
import type { Held } from '../kit/sim-net.js'
import { World, type Outcome } from '../kit/world.js'

/** b stands in line and asks once more; that request is kept back while a message grants. */
async function overtaken(w: World): Promise<{ lock: Lock; request: Held }> {
  const [a, b] = [w.client(), w.client()]
  const held = await a.locks.mutex('x').acquire()
  const wait: Outcome<Lock> = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  const request = w.net.hold('request', 'acquire', { of: b })
  b.port.mendPushes()
  await w.advance()
  expect(request.count).toBe(1)
  await held.release()
  await w.advance(100)
  expect(wait.state).toBe('done')
  return { lock: wait.value, request }
}

test('an acquire that is carried out after its own release is refused', async () => {
  const w = new World()
  const { lock, request } = await overtaken(w)
  expect(await lock.release()).toEqual({ released: true })
  request.release()
  await w.advance()
  expect(w.net.count('release')).toBe(2)
  expect(w.left()).toEqual([])
})

test('the same when its answer comes before that of the release', async () => {
  const w = new World()
  const { lock, request } = await overtaken(w)
  w.net.delay('reply', 'release', 100)
  const released = w.watch(lock.release())
  await w.advance(10)
  expect(w.holder('x')).toBe(null)
  request.release()
  await w.advance(200)
  expect(released.value).toEqual({ released: true })
  expect(w.left()).toEqual([])
})

test('the same while the release is told again in the background', async () => {
  const w = new World()
  const { lock, request } = await overtaken(w)
  // The first try is answered by an error; the answer of the second comes after the acquire's.
  const end = w.net.rewrite('release', (reply) => {
    const [now, run] = reply as readonly Reply[]
    return [now!, run!, '', ['error', 'OOM command not allowed']]
  })
  expect(await lock.release()).toEqual({ released: false, reason: 'unavailable' })
  end()
  w.net.delay('reply', 'release', 100)
  await w.advance(150)
  expect(w.net.count('release')).toBe(3)
  request.release()
  await w.advance(1000)
  expect(w.left()).toEqual([])
})

test('the same when its answer never comes', async () => {
  const w = new World()
  const { lock, request } = await overtaken(w)
  await lock.release()
  w.net.drop('reply', 'acquire')
  request.release()
  await w.advance()
  expect(w.holder('x')).toBe(null)
  expect(w.left()).toEqual([])
})

test('one that was never granted is given back when its time is over', async () => {
  const w = new World()
  const a = w.client()
  await a.locks.mutex('warm-up').use(() => {})
  const request = w.net.hold('request', 'acquire', { of: a })
  const controller = new AbortController()
  const wait = w.watch(a.locks.mutex('x').acquire({ signal: controller.signal }))
  await w.advance(10)
  controller.abort(new Error('enough'))
  await w.advance(10)
  expect(wait.state).toBe('failed')
  // Its answer never comes.
  w.net.drop('reply', 'acquire')
  request.release()
  await w.advance(10)
  expect(w.holder('x')).not.toBe(null)
  await w.advance(500)
  expect(w.holder('x')).toBe(null)
  expect(w.left()).toEqual([])
})

test('an answer that was overtaken while the lock is held takes nothing from it', async () => {
  const w = new World()
  const { lock, request } = await overtaken(w)
  request.release()
  await w.advance()
  expect(w.holder('x')).toBe(lock.owner)
  expect(w.net.count('release')).toBe(1)
  await lock.verify()
})

test('nor when message and answer come in the same turn, in any order of their steps', async () => {
  const lost: number[] = []
  for (let steps = 0; steps < 60; steps++) {
    const locks = Holdfast.inMemory()
    const held = await locks.mutex('x').acquire()
    const waiting = locks.mutex('x').acquire()
    for (let i = 0; i < steps; i++) await Promise.resolve()
    void held.release()
    const lock = await waiting
    await new Promise<void>((resolve) => setImmediate(resolve))
    const { holders } = await locks.inspect('x')
    if (holders[0]?.owner !== lock.owner) lost.push(steps)
    await locks.close()
  }
  expect(lost).toEqual([])
})
