// How a re-entry ends: loss, close, and what is kept after it.
import { AsyncResource } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Holdfast, type Lock, type Timer } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { World } from '../kit/world.js'
import { gate, one, refusal } from './kit.js'

test('after the lease was lost: ERR_LOST at once while the use runs, then the lock anew', async () => {
  const { w, m } = one()
  const late = gate()
  let detached!: Promise<Lock>
  const call = w.watch(
    m.use(async (outer) => {
      detached = late.opened.then(() => m.use((lock) => lock))
      w.clock.block(1)
      await w.client().locks.forceRelease('x', { now: true })
      await outer.verify().catch(() => {})
      const sent = w.net.count('acquire')
      for (const again of [() => m.use(() => {}), () => m.tryUse(() => {})]) {
        expect(await refusal(again())).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
      }
      expect(w.net.count('acquire')).toBe(sent)
      expect([outer.isHeld, outer.holdCount, outer.validFor]).toEqual([false, 0, 0])
      return outer
    }),
  )
  for (let i = 0; i < 5; i++) await w.advance(10)
  expect(call.error).toMatchObject({ code: 'ERR_LOST' })
  late.open()
  const inside = w.watch(detached)
  await w.advance()
  expect(inside.value.fence).toBeGreaterThan((call.error.result as Lock).fence)
})

test('a loss inside: each use says so, with its result, unless its function throws', async () => {
  const w = new World()
  const m = w.client().locks.mutex('x', { reentrant: true, maxHold: 1000 })
  const call = w.watch(
    m.use(async (outer) => {
      const inner = await refusal(
        m.use((lock) => {
          w.clock.block(999)
          expect(lock.isHeld).toBe(true)
          w.clock.block(1)
          expect([lock.isHeld, lock.signal.aborted]).toEqual([false, true])
          return 1
        }),
      )
      expect(inner).toMatchObject({ code: 'ERR_LOST', reason: 'max-hold', result: 1 })
      expect(outer.signal.aborted).toBe(true)
      return 2
    }),
  )
  await w.advance(10)
  expect(call.error).toMatchObject({ code: 'ERR_LOST', reason: 'max-hold', result: 2 })
  expect(w.left()).toEqual([])
})

test('close: the signal aborts, and no use enters any more', async () => {
  const { w, a, m } = one()
  const call = w.watch(
    m.use(async (outer) => {
      const inside = m.use(async (lock) => {
        await a.locks.close()
        expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
        expect(await refusal(m.use(() => {}))).toMatchObject({ code: 'ERR_CLOSED' })
      })
      const waiting = m.use(() => {})
      expect(await refusal(inside)).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
      expect(await refusal(waiting)).toMatchObject({ code: 'ERR_CLOSED' })
      expect(outer.isHeld).toBe(false)
    }),
  )
  await w.advance()
  expect(call.error).toMatchObject({ code: 'ERR_LOST', reason: 'closed' })
  expect(w.left()).toEqual([])
  expect(w.clock.timers).toBe(0)
})

test('uses that each start the next, before they end, keep none of those that are over', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const locks = Holdfast.inMemory({ clock: new ManualClock() })
  const first: WeakRef<Lock>[] = []
  // What a listener or timer that stays would keep: the scope of the last one.
  let kept = (): void => {}
  let left = 20
  await new Promise<void>((resolve, reject) => {
    const next = async (): Promise<void> => {
      if (left-- === 0) return resolve()
      // Names that differ, so that each begins while the one before is under way.
      await locks.mutex(`x${left}`).tryUse((lock) => {
        first.push(new WeakRef(lock))
        kept = AsyncResource.bind(() => {})
        setImmediate(() => void next().catch(reject))
        return new Promise((go) => setImmediate(() => setImmediate(() => setImmediate(go))))
      })
    }
    next().catch(reject)
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  gc()
  expect(first.slice(0, 15).filter((ref) => ref.deref())).toEqual([])
  kept()
  await locks.close()
})

test('the process stays alive for the outer function when an inner one is done', async () => {
  const alive = new Set<object>()
  class Clock extends ManualClock {
    override setTimer(callback: () => void, ms: number, keepAlive = true): Timer {
      const timer = super.setTimer(callback, ms)
      if (keepAlive) alive.add(timer)
      return {
        cancel: () => {
          alive.delete(timer)
          timer.cancel()
        },
      }
    }
  }
  const locks = Holdfast.inMemory({ clock: new Clock(), checkEviction: false })
  const m = locks.mutex('x', { reentrant: true })
  await m.use(async () => {
    await m.use(() => {})
    // Whatever is renewed meanwhile.
    await locks.mutex('y').use(() => {})
    expect(alive.size).toBe(1)
  })
  expect(alive.size).toBe(0)
  await locks.close()
})
