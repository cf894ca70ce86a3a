// What a user has of several names: the calls, their errors, and the locks that are held together.
import { expect, test } from 'vitest'
import { Holdfast, type AllItem, type HoldfastError } from '../../src/index.js'
import { refusal } from '../real/kit.js'
import { World, type Outcome } from '../kit/world.js'

function stage() {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  return { w, locks: a.locks, others: b.locks, port: a }
}

test('locks of every kind, in the order in which they were asked for', async () => {
  const { w, locks, others } = stage()
  const semaphore = locks.semaphore('s', { limit: 5 })
  const catalog = locks.readWrite('r')
  const items = [
    'z',
    catalog.read(),
    { lock: semaphore, permits: 3 },
    locks.mutex('m', { reentrant: true }),
    locks.readWrite('w').write(),
    locks.semaphore('one', { limit: 2 }),
  ]
  const set = await locks.all(items).acquire()
  expect(set.locks.map(({ name }) => name)).toEqual(['z', 'r', 's', 'm', 'w', 'one'])
  expect([...set.fences]).toEqual(set.locks.map(({ name, fence }) => [name, fence]))
  expect((await semaphore.available()).used).toBe(3)
  expect(await others.readWrite('r').read().tryAcquire()).not.toBe(null)
  for (const taker of [others.readWrite('r').write(), others.mutex('m'), others.mutex('w')]) {
    expect(await taker.tryAcquire()).toBe(null)
  }
  expect(await others.semaphore('s', { limit: 5 }).tryAcquire({ permits: 3 })).toBe(null)
  expect(await set.release()).toEqual({ released: true })
  await w.advance()
  expect(await others.mutex('z').tryAcquire()).not.toBe(null)
})

test('an object can be used again, and the permits are those of the semaphore then', async () => {
  const { locks } = stage()
  const semaphore = locks.semaphore('s', { limit: 2 })
  const all = locks.all(['a', { lock: semaphore, permits: 2 }])
  for (let i = 0; i < 3; i++) await all.use(({ isHeld }) => expect(isHeld).toBe(true))
  await semaphore.resize(1)
  await expect(all.acquire()).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', given: 2 })
})

test('options of all count for more than those of a lock, whose wait and signal do not count', async () => {
  const { w, locks, others } = stage()
  const x = locks.mutex('x', { ttl: 1000, label: 'x', wait: 0, signal: AbortSignal.abort('no') })
  const own = await locks.all([x, 'y']).acquire()
  expect(own.validFor).toBeLessThan(1000)
  expect(own.locks.map(({ validFor }) => Math.round(validFor / 1000))).toEqual([1, 9])
  await own.release()
  const set = await locks.all([x, 'y'], { ttl: 4000, label: 'both' }).acquire()
  expect((await others.inspect('x')).holders).toMatchObject([{ label: 'both' }])
  expect(Math.round(set.validFor / 1000)).toBe(4)
  const waiting = w.watch(others.all(['y'], { wait: 2000 }).acquire({ wait: 500 }))
  await w.advance(600)
  expect([waiting.state, waiting.error.code]).toEqual(['failed', 'ERR_TIMEOUT'])
})

test.each<[string, unknown, string]>([
  ['no items', [], 'an array of 1 to 100'],
  ['a name alone', 'a', 'an array of 1 to 100'],
  ['too many', Array.from({ length: 101 }, (_, i) => `n${i}`), 'an array of 1 to 100'],
  ['an empty name', ['a', ''], 'non-empty string'],
  ['nothing', ['a', undefined], 'a name, a lock of this Holdfast, or'],
  ['null', [null], 'a name, a lock of this Holdfast, or'],
])('refused at the call: %s', (_, items, expected) => {
  const { locks } = stage()
  expect(() => locks.all(items as AllItem[])).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_ARGUMENT',
      expected: expect.stringContaining(expected) as string,
    }),
  )
})

test('refused at the call: what is of another Holdfast, twice there, too much, or no lock', async () => {
  const { locks, others } = stage()
  expect(() => locks.all([])).toThrow('an array of 1 to 100 names or locks, but got an array of 0')
  const refused = (items: unknown[], options?: object): string => {
    try {
      locks.all(items as AllItem[], options)
      return 'nothing'
    } catch (error) {
      const { code, message } = error as HoldfastError
      return `${code} ${message}`
    }
  }
  const s = locks.semaphore('s', { limit: 3 })
  expect(refused(['a', others.mutex('b')])).toMatch(/ARGUMENT items\[1\]: .* of the same Holdfast/)
  expect(refused([{ lock: others.semaphore('s', { limit: 3 }) }])).toMatch(/same Holdfast/)
  expect(refused(['a', locks.mutex('a')])).toMatch(/ARGUMENT items\[1\]: .* only once/)
  const rw = locks.readWrite('a')
  expect(refused([rw.read(), rw.write()])).toMatch(/only once/)
  expect(refused([rw])).toMatch(/items\[0\]: expected a name, a lock/)
  expect(refused([{ lock: locks.mutex('a'), permits: 1 }])).toMatch(/items\[0\]: expected a name/)
  expect(refused([{ lock: s, permits: 4 }])).toMatch(/from 1 to 3, the limit/)
  expect(refused([{ lock: s, permit: 2 }])).toMatch(/items\[0\]: expected a name/)
  expect(refused(['a'], { permits: 2 })).toMatch(/options.permits/)
  expect(refused(['a'], { ttl: 1 })).toMatch(/options.ttl/)
  expect(refused(['a'], { reentrant: true })).toMatch(/options.reentrant/)
  for (const call of ['acquire', 'use'] as const) {
    const bad = locks.all(['a'])[call]({ permits: 2 } as never, { permits: 2 } as never)
    await expect(bad).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  }
  await locks.close()
  expect(refused(['a'])).toMatch(/ERR_CLOSED/)
})

test('what was asked for cannot be changed afterwards', async () => {
  const { locks } = stage()
  const items = ['a', 'b']
  const all = locks.all(items)
  items.push('c')
  expect((await all.acquire()).locks.length).toBe(2)
})

test('the set is lost with the first of its locks; the others are held until they are released', async () => {
  const { w, locks, others } = stage()
  const set = await locks.all(['a', 'b', 'c'], { ttl: 1000 }).acquire()
  expect([set.isHeld, set.signal.aborted, set.validFor > 900]).toEqual([true, false, true])
  const aborts: unknown[] = []
  set.signal.addEventListener('abort', () => aborts.push(set.signal.reason))
  await others.forceRelease('b', { now: true })
  await w.advance(400)
  expect(aborts).toMatchObject([{ code: 'ERR_LOST', lock: 'b', reason: 'gone' }])
  expect([set.isHeld, set.validFor]).toEqual([false, 0])
  expect(() => set.assertHeld()).toThrow(expect.objectContaining({ lock: 'b' }))
  await expect(set.verify()).rejects.toMatchObject({ code: 'ERR_LOST', lock: 'b' })
  await expect(set.extend(5000)).rejects.toMatchObject({ code: 'ERR_LOST', lock: 'b' })
  await w.advance(3000)
  expect(await others.all(['a', 'c']).tryAcquire()).toBe(null)
  expect(await set.release()).toEqual({ released: false, reason: 'lost' })
  expect(await set.locks[0]!.release()).toEqual({ released: true })
  expect(w.left()).toEqual([])
})

test('the signal tells the truth after a blocked event loop', async () => {
  const { w, locks, port } = stage()
  const set = await locks.all(['a', 'b'], { ttl: 1000, renew: false }).acquire()
  const { signal } = set
  port.clock.freeze('stopped')
  await w.advance(2000)
  port.clock.thaw()
  // No timer has run yet.
  expect(signal.aborted).toBe(true)
  expect(() => signal.throwIfAborted()).toThrow(expect.objectContaining({ code: 'ERR_LOST' }))
})

test('extend that is too long for one of them changes none', async () => {
  const w = new World()
  const { locks } = w.client({}, { strictFailover: true, quarantine: '20s' })
  const ready = w.watch(locks.bootstrap())
  await w.advance(10)
  expect(ready.value).toBe(true)
  const set = await locks.all(['a', locks.mutex('b', { lockDelay: '5s' })]).acquire()
  await expect(set.extend('16s')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  expect(set.locks[0]!.validFor).toBeLessThan(10_000)
  await set.release()
})

test('verify and extend speak for all, in one command', async () => {
  const { w, locks, others } = stage()
  const set = await locks.all(['a', 'b', 'c'], { ttl: 2000, renew: false }).acquire()
  const before = w.net.count()
  await set.verify()
  await set.extend('30s')
  expect(w.net.count() - before).toBe(2)
  expect(set.validFor).toBeGreaterThan(20_000)
  expect((await others.inspect('c')).holders[0]!.remaining).toBeGreaterThan(20_000)
  await expect(set.extend(10)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  const mixed = await locks
    .all([locks.mutex('d', { renew: false, ttl: 5000 }), locks.mutex('e', { ttl: 500 })])
    .acquire()
  await expect(mixed.extend(100)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  expect(mixed.locks[0]!.validFor).toBeGreaterThan(4000)
})

test('a release says what became of one that was not released', async () => {
  const { w, locks } = stage()
  {
    await using set = await locks.all(['a', 'b']).acquire()
    expect(set.isHeld).toBe(true)
  }
  expect(w.left()).toEqual([])
  const set = await locks.all(['a', 'b']).acquire()
  await set.locks[0]!.release()
  expect([set.isHeld, set.validFor]).toEqual([false, 0])
  expect(() => set.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOST', lock: 'a' }))
  expect(await set.release()).toEqual({ released: true })
  expect(await set.release()).toEqual({ released: true })
  const lost = await locks.all(['a', 'b'], { renew: false, ttl: 500 }).acquire()
  await w.advance(600)
  expect(await lost.release()).toEqual({ released: false, reason: 'lost' })
})

test('use: the result, the own error, and a loss that carries the result', async () => {
  const { w, locks, others } = stage()
  const all = locks.all(['a', 'b'], { ttl: 600 })
  expect(await all.use(({ fences }) => [...fences.keys()])).toEqual(['a', 'b'])
  const own = new Error('own')
  expect(await refusal(all.use(() => Promise.reject(own)))).toBe(own)
  const lost: Outcome<unknown> = w.watch(
    all.use(async ({ signal }) => {
      await others.forceRelease('b', { now: true })
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return 42
    }),
  )
  await w.advance(1000)
  expect(lost.error).toMatchObject({ code: 'ERR_LOST', lock: 'b', reason: 'gone', result: 42 })
  expect(w.left()).toEqual([])
  await expect(all.use(undefined as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
})

test('maxHold counts from the grant of all, not of the one that was waited for', async () => {
  const { w, locks, others } = stage()
  const [a, b] = await others
    .all(['a', 'b'], { ttl: '60s' })
    .acquire()
    .then(({ locks: both }) => both)
  const waiting = w.watch(locks.all(['a', 'b'], { maxHold: 1000 }).acquire())
  await w.advance(10)
  await a!.release()
  await w.advance(800)
  await b!.release()
  await w.advance(10)
  expect(waiting.state).toBe('done')
  await w.advance(900)
  expect(waiting.value.isHeld).toBe(true)
  await w.advance(200)
  expect(waiting.value.signal.reason).toMatchObject({ reason: 'max-hold' })
})

test('inside of a use, a wait for what it holds is refused at once, both ways', async () => {
  const { w, locks } = stage()
  const deadlock = (name: string) => ({ code: 'ERR_DEADLOCK', lock: name })
  await locks.all(['a', locks.readWrite('r').read()]).use(async ({ locks: [a] }) => {
    const before = w.net.count()
    await expect(locks.mutex('a').use(() => 1)).rejects.toMatchObject(deadlock('a'))
    await expect(locks.mutex('a', { reentrant: true }).use(() => 1)).rejects.toMatchObject(
      deadlock('a'),
    )
    await expect(locks.readWrite('r').write().acquire()).rejects.toMatchObject(deadlock('r'))
    await expect(locks.all(['b', 'a']).use(() => 1)).rejects.toMatchObject(deadlock('a'))
    expect(w.net.count()).toBe(before)
    expect(await locks.all(['b', 'a']).tryAcquire()).toBe(null)
    // Readers do not keep each other out, and other names are free.
    expect(await locks.all(['b', locks.readWrite('r').read()]).use(() => 2)).toBe(2)
    await a!.release()
    expect(await locks.mutex('a').use(() => 3)).toBe(3)
  })
  await locks.mutex('a', { reentrant: true }).use(async () => {
    const again = locks.all([locks.mutex('a', { reentrant: true }), 'b']).use(() => 1)
    await expect(again).rejects.toMatchObject(deadlock('a'))
  })
  expect(await locks.all(['a', 'b']).use(() => 4)).toBe(4)
  expect(w.left()).toEqual([])
})

test('holdAtLeast and lockDelay are those of each lock', async () => {
  const { w, locks, others } = stage()
  const options = { holdAtLeast: 3000, ttl: 5000 }
  const set = await locks.all([locks.mutex('a', options), 'b']).acquire()
  await w.advance(1000)
  expect(await set.release()).toEqual({ released: true, keptFor: 2000 })
  expect(await others.mutex('b').tryAcquire()).not.toBe(null)
  const [first, second] = [
    w.watch(others.mutex('a').acquire()),
    locks.all(['c'], { lockDelay: 700, ttl: 500, renew: false }),
  ]
  await w.advance(1900)
  expect(first.state).toBe('pending')
  await w.advance(200)
  expect(first.state).toBe('done')
  const delayed = await second.acquire()
  expect(delayed.validFor).toBeLessThan(500)
  await w.advance(1100)
  expect(await others.mutex('c').tryAcquire()).toBe(null)
  await w.advance(150)
  expect(await others.mutex('c').tryAcquire()).not.toBe(null)
})

test('close releases what is held together', async () => {
  const { w, locks } = stage()
  const set = await locks.all(['a', 'b']).acquire()
  await locks.close()
  expect(set.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
  expect(w.left()).toEqual([])
})

test('in memory', async () => {
  const locks = Holdfast.inMemory()
  expect(await locks.all(['a', 'b', 'c']).use(({ locks: all }) => all.length)).toBe(3)
  await locks.close()
})
