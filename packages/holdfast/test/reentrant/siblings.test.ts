// Those who re-enter the same use take turns, without the server.
import { expect, test } from 'vitest'
import type { Outcome } from '../kit/world.js'
import { gate, one, refusal } from './kit.js'

test('siblings wait for each other, in the order in which they came', async () => {
  const { w, m } = one()
  const seen: string[] = []
  const child = (name: string) =>
    m.use(async (lock) => {
      seen.push(`${name} in`)
      expect(lock.holdCount).toBe(2)
      await new Promise(setImmediate)
      // What runs inside of a sibling does not wait for the sibling.
      await m.use((deeper) => expect(deeper.holdCount).toBe(3))
      seen.push(`${name} out`)
      return name
    })
  const call = w.watch(m.use(() => Promise.all([child('a'), child('b'), child('c')])))
  for (let i = 0; i < 10; i++) await w.advance()
  expect(call.value).toEqual(['a', 'b', 'c'])
  expect(seen).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  expect([w.net.count('acquire'), w.net.count('release')]).toEqual([1, 1])
})

test('a sibling that throws lets the next one in', async () => {
  const { w, m } = one()
  const call = w.watch(
    m.use(() =>
      Promise.allSettled([
        m.use(() => {
          throw new Error('mine')
        }),
        m.use(() => 2),
      ]),
    ),
  )
  await w.advance()
  expect(call.value).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled', value: 2 }])
})

test('the wait for a sibling ends by its limit, its signal, and at once by wait 0', async () => {
  const { w, m } = one()
  const stay = gate()
  const controller = new AbortController()
  const { signal } = controller
  const call = w.watch(
    m.use((outer) => {
      const first = m.use(() => stay.opened)
      const fn = (): string => 'in'
      const others = [
        m.use(fn, { wait: 100 }),
        m.use(fn, { signal, wait: Infinity }),
        m.use(fn, { wait: 0 }),
        m.tryUse(fn),
        m.use(fn, { wait: Infinity }),
      ]
      return Promise.allSettled(others).then(async (all) => {
        await first
        return { all, owner: outer.owner }
      })
    }),
  )
  await w.advance(99)
  const { timers } = w.clock
  await w.advance(1)
  expect(w.clock.timers).toBeLessThan(timers)
  controller.abort('enough')
  await w.advance()
  stay.open()
  await w.advance()
  const { all, owner } = call.value
  const holder = { mode: 'exclusive', owner }
  expect(all).toMatchObject([
    { reason: { code: 'ERR_TIMEOUT', lock: 'x', holder } },
    { reason: 'enough' },
    { reason: { code: 'ERR_TAKEN', lock: 'x', holder } },
    { value: { ran: false } },
    { value: 'in' },
  ])
  expect(w.net.count('acquire')).toBe(1)
  expect(w.left()).toEqual([])
})

test('twelve siblings with one signal: Node does not warn of their listeners', async () => {
  const { w, m } = one()
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  const { signal } = new AbortController()
  const calls = (): Promise<unknown>[] =>
    Array.from({ length: 12 }, () => m.use(() => {}, { signal }))
  const call = w.watch(m.use(() => Promise.all(calls())))
  await w.advance()
  process.off('warning', warned)
  expect(call.state).toBe('done')
  expect(warnings).toEqual([])
})

test('a sibling that waits hears of the loss when it happens', async () => {
  const { w, m } = one()
  const stay = gate()
  let lost: unknown
  const call = w.watch(
    m.use(
      async () => {
        const first = m.use(() => stay.opened)
        lost = await refusal(m.use(() => {}, { wait: Infinity }))
        stay.open()
        await first
      },
      { ttl: 1000 },
    ),
  )
  await w.advance()
  w.net.drop('request', 'renew', { times: Infinity })
  await w.advance(1000)
  expect(lost).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
  expect(call.error).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
})

test('a sibling that still waits when the outer use ends takes the lock in line', async () => {
  const { w, m } = one()
  const stay = gate()
  let second!: Promise<number>
  const call = w.watch(
    m.use(async (outer) => {
      void m.use(() => stay.opened)
      second = m.use((lock) => lock.fence)
      await Promise.resolve()
      return outer.fence
    }),
  )
  await w.advance()
  const inside = w.watch(second)
  await w.advance(100)
  expect(call.state).toBe('done')
  expect(inside.state).toBe('pending')
  expect(w.line('x').length).toBe(1)
  stay.open()
  await w.advance()
  expect(inside.value).toBeGreaterThan(call.value)
})

test('one that outlives the use it re-entered keeps the siblings of that use out', async () => {
  const { w, m } = one()
  const stay = gate()
  const seen: string[] = []
  const call = w.watch(
    m.use(async () => {
      await m.use(() => {
        void m.use(async () => {
          seen.push('inmost in')
          await stay.opened
          seen.push('inmost out')
        })
      })
      seen.push('inner over')
      await m.use(() => seen.push('sibling'))
    }),
  )
  await w.advance(100)
  stay.open()
  await w.advance()
  expect(call.state).toBe('done')
  expect(seen).toEqual(['inmost in', 'inner over', 'inmost out', 'sibling'])
})

test('a turn that comes as the outer use lets go is none', async () => {
  const { w, m } = one()
  const stay = gate()
  const call = w.watch(
    m.use(async (outer) => {
      void m.use(async (inner) => {
        await stay.opened
        void inner.release()
        void outer.release()
      })
      const second = m.use((lock) => lock.fence)
      stay.open()
      return (await second) - outer.fence
    }),
  )
  await w.advance()
  expect(call.value).toBeGreaterThan(0)
  expect([w.net.count('acquire'), w.net.count('release')]).toEqual([2, 2])
})

test('an abort as the outer use lets go ends the wait of a sibling', async () => {
  const { w, m } = one()
  const [stay, over] = [gate(), gate()]
  const abort = new AbortController()
  let second: Outcome<unknown> | undefined
  const call = w.watch(
    m.use(async () => {
      await m.use(async (inner) => {
        void m.use(() => stay.opened)
        second = w.watch(m.use(() => undefined, { signal: abort.signal }))
        await Promise.resolve()
        void inner.release()
        abort.abort('away')
      })
      await over.opened
    }),
  )
  await w.advance()
  expect([second!.state, second!.error]).toEqual(['failed', 'away'])
  stay.open()
  over.open()
  await w.advance()
  expect([call.state, w.left()]).toEqual(['done', []])
})
