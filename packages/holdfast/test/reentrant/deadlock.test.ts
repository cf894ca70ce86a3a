// Asking for what a use around the call holds: an error at once, and not a wait for itself.
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'
import { gate, one, refusal } from './kit.js'

/** A plain mutex `x`. */
function plain() {
  const w = new World()
  const a = w.client()
  return { w, a, m: a.locks.mutex('x') }
}

test('use in use, acquire in use: ERR_DEADLOCK at once, with the name and for how long', async () => {
  const { w, a, m } = plain()
  const call = w.watch(
    m.use(async (lock) => {
      w.clock.block(1200)
      const at = w.clock.monotonic()
      const sent = w.net.log.length
      const errors = await Promise.all([
        refusal(m.use(() => {})),
        refusal(m.acquire()),
        refusal(a.locks.mutex('x').acquire({ wait: Infinity })),
        refusal(a.locks.mutex('y').use(() => m.use(() => {}))),
      ])
      expect(w.clock.monotonic()).toBe(at)
      expect(w.net.count('acquire')).toBe(2)
      expect(sent).toBeGreaterThan(0)
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'x', held: 1200 })
        expect((error as Error).message).toMatch(/"x".* 1200 ms .*reentrant: true/)
      }
      lock.assertHeld()
    }),
  )
  await w.advance(10)
  await w.advance(10)
  expect(call.error).toBe(undefined)
  expect(call.state).toBe('done')
  expect(w.left()).toEqual([])
})

test('one try keeps its meaning: taken', async () => {
  const { w, m } = plain()
  const call = w.watch(
    m.use(async ({ owner }) => {
      expect(await m.tryAcquire()).toBe(null)
      expect(await m.tryUse(() => {})).toEqual({ ran: false })
      for (const taken of [m.acquire({ wait: 0 }), m.use(() => {}, { wait: 0 })]) {
        expect(await refusal(taken)).toMatchObject({ code: 'ERR_TAKEN', holder: { owner } })
      }
    }),
  )
  await w.advance()
  expect(call.state).toBe('done')
})

test('inside of tryUse, too', async () => {
  const { w, m } = plain()
  const call = w.watch(m.tryUse(() => refusal(m.acquire())))
  await w.advance()
  expect(call.value).toMatchObject({ ran: true, result: { code: 'ERR_DEADLOCK' } })
})

test('re-entry needs the option on both sides; a handle does not re-enter a use', async () => {
  const { w, a, m } = one()
  const plain = a.locks.mutex('x')
  const owner = a.locks.owner()
  const inner = w.watch(
    m.use(() =>
      Promise.all([
        refusal(plain.use(() => {})),
        refusal(m.acquire()),
        refusal(m.acquire({ owner })),
        m.tryAcquire({ owner }),
      ]),
    ),
  )
  const dead = { code: 'ERR_DEADLOCK' }
  await w.advance()
  expect(inner.value).toMatchObject([dead, dead, dead, null])
  const outer = w.watch(plain.use(() => refusal(m.use(() => {}))))
  await w.advance()
  expect(outer.value).toMatchObject(dead)
})

test('another name, another Holdfast and another prefix are not in its way', async () => {
  const { w, a, m } = plain()
  const others = [a.locks.mutex('y'), w.client({}, { prefix: 'other:' }).locks.mutex('x')]
  const call = w.watch(
    m.use(async () => {
      for (const other of others) await other.use(() => {})
      // Another Holdfast is another owner, and nothing is known of it here: it waits.
      return refusal(w.client().locks.mutex('x').acquire({ wait: 100 }))
    }),
  )
  await w.advance(200)
  expect(call.value).toMatchObject({ code: 'ERR_TIMEOUT' })
})

test('what was made inside carries no lock along: timers, emitters, promises', async () => {
  const { w, m } = plain()
  const emitter = new EventEmitter()
  const got: Promise<unknown>[] = []
  const call = w.watch(
    m.use(() => {
      emitter.on('later', () => got.push(m.use(({ fence }) => fence)))
      w.clock.setTimer(() => got.push(m.use(({ fence }) => fence)), 100)
      setTimeout(() => got.push(m.use(({ fence }) => fence)), 1)
    }),
  )
  await w.advance()
  expect(call.state).toBe('done')
  emitter.emit('later')
  await new Promise((resolve) => setTimeout(resolve, 20))
  await w.advance(1000)
  const fences = await Promise.all(got)
  expect(new Set(fences).size).toBe(3)
})

test('an outer lock that was lost stands in nobody’s way', async () => {
  const { w, m } = plain()
  const call = w.watch(
    m.use(
      async (outer) => {
        w.clock.block(2000)
        const inner = await m.use(({ fence }) => fence)
        expect(inner).toBeGreaterThan(outer.fence)
        return 'went on'
      },
      { ttl: 1000 },
    ),
  )
  await w.advance(100)
  expect(call.error).toMatchObject({ code: 'ERR_LOST', result: 'went on' })
})

test('nor does one that its function has released', async () => {
  const { w, m } = plain()
  const call = w.watch(
    m.use(async (outer) => {
      await outer.release()
      return m.use(() => 'in')
    }),
  )
  await w.advance()
  expect(call.value).toBe('in')
})

test('what a detached promise takes after the outer use is over is its own', async () => {
  const { w, m } = plain()
  const late = gate()
  let detached!: Promise<unknown>
  const outer = w.watch(
    m.use(() => {
      detached = late.opened.then(() => m.use(() => refusal(m.acquire())))
    }),
  )
  await w.advance()
  expect(outer.state).toBe('done')
  late.open()
  const call = w.watch(detached)
  await w.advance()
  expect(call.value).toMatchObject({ code: 'ERR_DEADLOCK' })
})

test('a lazy promise begins its work inside', async () => {
  const { w, m } = plain()
  class Lazy extends Promise<unknown> {
    // oxlint-disable-next-line unicorn/no-thenable -- this is what a lazy promise does
    override then: Promise<unknown>['then'] = (...on) => refusal(m.acquire()).then(...on)
  }
  const lazy = new Lazy(() => {})
  const call = w.watch(m.use(() => lazy))
  await w.advance()
  expect(call.value).toMatchObject({ code: 'ERR_DEADLOCK' })
})

test('uses that come and go beside it, and those that are over, do not hide it', async () => {
  const { w, a, m } = plain()
  const y = a.locks.mutex('y')
  await y.use(() => {})
  const stay = gate()
  const call = w.watch(
    m.use(async () => {
      await y.use(() => {})
      await stay.opened
      return refusal(m.acquire())
    }),
  )
  await w.advance()
  await a.locks.mutex('z').use(() => {})
  stay.open()
  await w.advance()
  expect(call.value).toMatchObject({ code: 'ERR_DEADLOCK' })
})

test('a use that reads and asks to write, or the other way round, is told at once', async () => {
  const w = new World()
  const sides = w.client().locks.readWrite('x')
  const call = w.watch(
    Promise.all([
      sides
        .read()
        .use(async () => [
          await refusal(sides.write().acquire()),
          await refusal(sides.write().use(() => {})),
        ]),
      sides.read().use(async () => (await sides.read().acquire()).release()),
    ]),
  )
  await w.advance(50)
  const write = w.watch(sides.write().use(async () => [await refusal(sides.read().acquire())]))
  await w.advance(50)
  expect([call.error, write.error]).toEqual([undefined, undefined])
  expect(call.value[1]).toEqual({ released: true })
  for (const error of [...call.value[0], ...write.value]) {
    expect(error).toMatchObject({ code: 'ERR_DEADLOCK', lock: 'x' })
    expect((error as Error).message).toMatch(/releases first/)
  }
})
