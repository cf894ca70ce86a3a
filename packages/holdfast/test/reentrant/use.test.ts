// A use inside of a use, whose owner is the asynchronous context.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { gate, one, refusal } from './kit.js'

test('a use inside of a use enters at once, without asking', async () => {
  const { w, m } = one()
  const call = w.watch(
    m.use(async (outer) => {
      const sent = w.net.log.length
      const at = w.clock.monotonic()
      await m.use((inner) => {
        expect(inner).not.toBe(outer)
        expect(inner.fence).toBe(outer.fence)
        expect(inner.signal).toBe(outer.signal)
        expect(inner.owner).toBe(outer.owner)
        expect([inner.holdCount, outer.holdCount]).toEqual([2, 2])
        inner.assertHeld()
      })
      expect(outer.holdCount).toBe(1)
      expect(w.net.log.length).toBe(sent)
      expect(w.clock.monotonic()).toBe(at)
      expect(w.holder('x')).toBe(outer.owner)
      return 'done'
    }),
  )
  await w.advance()
  expect(call.value).toBe('done')
  expect(w.net.count('acquire')).toBe(1)
  expect(w.net.count('release')).toBe(1)
  expect(w.left()).toEqual([])
})

test('another mutex object of the same name, three deep, and by tryUse', async () => {
  const { w, a, m } = one()
  const counts: number[] = []
  const fences = new Set<number>()
  const again = () => a.locks.mutex('x', { reentrant: true })
  const see = (lock: Lock): void => {
    counts.push(lock.holdCount)
    fences.add(lock.fence)
  }
  const call = w.watch(
    m.use(async (first) => {
      see(first)
      const result = await again().use(async (second) => {
        see(second)
        return again().tryUse((third) => {
          see(third)
          return 3
        })
      })
      see(first)
      return result
    }),
  )
  await w.advance()
  expect(call.value).toEqual({ ran: true, result: 3 })
  expect(counts).toEqual([1, 2, 3, 1])
  expect(fences.size).toBe(1)
  expect(w.net.count('acquire')).toBe(1)
  expect(w.left()).toEqual([])
})

test('an error that is thrown inside leaves the outer one as it was', async () => {
  const { w, m } = one()
  const own = new Error('mine')
  const call = w.watch(
    m.use(async (outer) => {
      const error = await refusal(
        m.use(() => {
          throw own
        }),
      )
      expect(error).toBe(own)
      expect(outer.holdCount).toBe(1)
      outer.assertHeld()
      throw own
    }),
  )
  await w.advance()
  expect(call.error).toBe(own)
  expect(w.left()).toEqual([])
})

test('another lock in between, and another name: each is its own', async () => {
  const { w, a, m } = one()
  const y = a.locks.mutex('y', { reentrant: true })
  const call = w.watch(
    m.use((x1) =>
      y.use((y1) =>
        m.use((x2) => {
          expect(x2.fence).toBe(x1.fence)
          expect(y1.owner).not.toBe(x1.owner)
          expect([x1.holdCount, y1.holdCount]).toEqual([2, 1])
        }),
      ),
    ),
  )
  await w.advance()
  expect(call.state).toBe('done')
  expect(w.net.count('acquire')).toBe(2)
})

test('a promise that outlives the use is not let in: it stands in line', async () => {
  const { w, a, m } = one()
  const late = gate()
  let detached!: Promise<Lock>
  const call = w.watch(
    m.use((outer) => {
      detached = late.opened.then(() => m.use((lock) => lock))
      return outer
    }),
  )
  await w.advance()
  const outer = call.value
  const b = w.client()
  const next = w.watch(b.locks.mutex('x').acquire())
  await w.advance()
  late.open()
  const inside = w.watch(detached)
  await w.advance(100)
  expect(inside.state).toBe('pending')
  expect(w.line('x').length).toBe(1)
  await next.value.release()
  await w.advance()
  expect(inside.value.fence).toBeGreaterThan(next.value.fence)
  expect(inside.value.fence).not.toBe(outer.fence)
  expect(a.locks).toBeDefined()
})

test('a promise that is inside when the outer use ends keeps the lock until it leaves', async () => {
  const { w, m } = one()
  const stay = gate()
  let inner: Lock | undefined
  const call = w.watch(
    m.use(async (outer) => {
      void m.use(async (lock) => {
        inner = lock
        await stay.opened
        lock.assertHeld()
      })
      await Promise.resolve()
      return outer
    }),
  )
  await w.advance()
  expect(call.state).toBe('done')
  expect(call.value.isHeld).toBe(false)
  expect(inner!.holdCount).toBe(1)
  expect(w.holder('x')).toBe(inner!.owner)
  // It is renewed for as long as that takes.
  await w.advance(30_000)
  expect(inner!.isHeld).toBe(true)
  const next = w.watch(w.client().locks.mutex('x').acquire())
  await w.advance()
  expect(next.state).toBe('pending')
  stay.open()
  await w.advance()
  expect(next.state).toBe('done')
  expect(w.net.count('release')).toBe(1)
})

test('a function that released the lock itself is as anybody else', async () => {
  const { w, m } = one()
  const call = w.watch(
    m.use(async (outer) => {
      await m.use(async (inner) => {
        await inner.release()
        // Enters the outer one, and not behind itself.
        await m.use((lock) => expect(lock.fence).toBe(outer.fence))
      })
      expect(outer.holdCount).toBe(1)
      expect(await outer.release()).toEqual({ released: true })
      return m.use((lock) => expect(lock.fence).toBeGreaterThan(outer.fence))
    }),
  )
  await w.advance()
  expect(call.error).toBe(undefined)
  expect(call.state).toBe('done')
  expect(w.net.count('acquire')).toBe(2)
  expect(w.left()).toEqual([])
})

test('the options of the first use hold: a longer ttl inside changes nothing, extend does', async () => {
  const { w, m } = one()
  const call = w.watch(
    m.use(
      (outer) =>
        m.use(
          async (inner) => {
            expect(outer.validFor).toBeLessThanOrEqual(1000)
            await inner.extend(60_000)
            expect(outer.validFor).toBeGreaterThan(50_000)
          },
          { ttl: 60_000 },
        ),
      { ttl: 1000 },
    ),
  )
  await w.advance()
  expect(call.state).toBe('done')
})

test('a signal that is aborted already: its reason, and nothing runs', async () => {
  const { w, m } = one()
  let ran = false
  const call = w.watch(
    m.use(() =>
      refusal(
        m.use(
          () => {
            ran = true
          },
          { signal: AbortSignal.abort('no') },
        ),
      ),
    ),
  )
  await w.advance()
  expect(call.value).toBe('no')
  expect(ran).toBe(false)
})

test('two Holdfast objects are two owners, and so are two prefixes', async () => {
  const { w, a, m } = one()
  const b = w.client()
  const c = w.client({}, { prefix: 'other:' })
  const call = w.watch(
    m.use(async (outer) => {
      expect(await b.locks.mutex('x', { reentrant: true }).tryUse(() => {})).toEqual({ ran: false })
      const timed = b.locks.mutex('x', { reentrant: true }).use(() => {}, { wait: 100 })
      const error = refusal(timed)
      await w.clock.advance(200)
      expect(await error).toMatchObject({ code: 'ERR_TIMEOUT' })
      const other = await c.locks.mutex('x', { reentrant: true }).use((lock) => lock)
      expect(other.owner).not.toBe(outer.owner)
    }),
  )
  await w.advance(200)
  expect(call.error).toBe(undefined)
  expect(call.state).toBe('done')
  expect(w.net.count('acquire', a)).toBe(1)
})

test('calls that are not inside of a use are separate owners', async () => {
  const { w, m } = one()
  let inside = 0
  let most = 0
  const fences = new Set<number>()
  const work = async (lock: Lock): Promise<void> => {
    fences.add(lock.fence)
    most = Math.max(most, ++inside)
    await m.use(() => new Promise(setImmediate))
    inside--
  }
  const calls = w.watch(Promise.all([m.use(work), m.use(work), m.use(work)]))
  for (let i = 0; i < 10; i++) await w.advance()
  expect(calls.state).toBe('done')
  expect([most, fences.size]).toEqual([1, 3])
})
