// An answer to an acquire that comes after its tenure: what is kept on purpose is not given back.
import { expect, test } from 'vitest'
import type { Lock, LockOptions } from '../../src/index.js'
import { ask, world } from './kit.js'

/** One holds, one asks and is granted the name by a message, and a third waits. */
async function three(options: LockOptions) {
  const { w, clients } = await world(3)
  const first = await ask(w, clients[0]!)
  const second = await ask(w, clients[1]!, options)
  const third = await ask(w, clients[2]!)
  return { w, clients, first, second, third }
}

test.each(['late', 'lost'] as const)('the answer of its place is %s', async (how) => {
  const { w, clients } = await world(3)
  const first = await ask(w, clients[0]!)
  if (how === 'late') w.net.delay('reply', 'acquire', 300)
  else w.net.drop('reply', 'acquire')
  const second = await ask(w, clients[1]!, { holdAtLeast: 3000 })
  const third = await ask(w, clients[2]!)
  await first.value.release()
  await w.advance(1)
  expect(await second.value.release()).toMatchObject({ keptFor: 2999 })
  await w.advance(2990)
  expect(third.state).toBe('pending')
  await w.advance(30)
  expect(third.state).toBe('done')
})

test('it asked again, and is told late that it holds already', async () => {
  const { w, clients, first, second, third } = await three({ holdAtLeast: 3000 })
  w.net.delay('request', 'acquire', 20, { of: clients[1]! })
  w.net.delay('reply', 'acquire', 300, { of: clients[1]! })
  clients[1]!.port.mendPushes()
  await w.advance(1)
  await first.value.release()
  await w.advance(50)
  expect(await second.value.release()).toMatchObject({ keptFor: 2950 })
  await w.advance(2930)
  expect(third.state).toBe('pending')
  await w.advance(50)
  expect(third.state).toBe('done')
})

test.each(['late', 'lost'] as const)(
  'a lease that ran out: the delay is kept (%s)',
  async (how) => {
    const { w, clients } = await world(2)
    const [a, b] = [clients[0]!, w.client({}, { nodeTimeout: 2000 })]
    const warm = w.watch(b.locks.mutex('warm').acquire())
    await w.advance(5)
    const again = w.watch(b.locks.mutex('warm').acquire({ wait: 1 }))
    await w.advance(100)
    expect([warm.state, again.state]).toEqual(['done', 'failed'])
    const first = await ask(w, a)
    if (how === 'late') w.net.delay('reply', 'acquire', 1900)
    else w.net.drop('reply', 'acquire')
    const second = await ask(w, b, { ttl: 300, lockDelay: 5000, renew: false })
    const third = await ask(w, clients[1]!)
    await first.value.release()
    await w.advance(1)
    expect(second.state).toBe('done')
    await w.advance(5290)
    expect(second.value.signal.reason).toMatchObject({ reason: 'expired' })
    expect(third.state).toBe('pending')
    await w.advance(50)
    expect(third.state).toBe('done')
  },
)

test.each(['request', 'reply'] as const)(
  'a failed downgrade (%s lost) keeps the name',
  async (lost) => {
    const { w, clients } = await world(2)
    const writer = await clients[0]!.locks.readWrite('x', { holdAtLeast: 3000 }).write().acquire()
    const next = await ask(w, clients[1]!)
    w.net.drop(lost, 'turn')
    const failing = w.watch(writer.downgrade())
    await w.advance(600)
    expect(failing.error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await w.advance(2380)
    expect(next.state).toBe('pending')
    await w.advance(60)
    expect(next.state).toBe('done')
  },
)

test.each(['late', 'lost'] as const)(
  'what was handed over, or is to be a reader, is not given back (%s)',
  async (how) => {
    const { w, clients } = await world(3)
    for (const next of ['handed over', 'downgraded']) {
      const first = await ask(w, clients[0]!)
      if (how === 'late') w.net.delay('reply', 'acquire', 300)
      else w.net.drop('reply', 'acquire')
      const second = await ask(w, clients[1]!)
      const third = await ask(w, clients[2]!)
      await first.value.release()
      await w.advance(1)
      if (next === 'downgraded') w.net.delay('request', 'turn', 499)
      const going =
        next === 'downgraded'
          ? w.watch<string | Lock>(second.value.downgrade())
          : w.watch<string | Lock>(second.value.handOver())
      await w.advance(1000)
      expect([next, going.state, third.state]).toEqual([next, 'done', 'pending'])
      const { value } = going
      await (typeof value === 'string' ? await clients[0]!.locks.takeOver(value) : value).release()
      await w.advance()
      await third.value.release()
    }
    expect(w.left()).toEqual([])
  },
)
