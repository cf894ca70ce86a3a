// However a call ends, it has all of its names or nothing of them is left.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { AcquireOptions, HoldfastOptions, Lock } from '../../src/index.js'
import { Events } from '../real/kit.js'
import { World, type Outcome, type SimClient } from '../kit/world.js'
import { ready, slotted } from './kit.js'

// The slots of a, b and c come in the order of their names.

const opens = {
  'one server': (w: World, options: HoldfastOptions = {}): SimClient => w.client({}, options),
  'a slot for each name': slotted,
}
const each = Object.entries(opens)

async function stage(open: (w: World) => SimClient) {
  const w = new World()
  const [a, b] = [w.client({}, { label: 'rival' }), await ready(w, open(w))]
  const take = async (...names: string[]): Promise<Lock[]> => {
    const all: Lock[] = []
    for (const name of names) all.push(await a.locks.mutex(name, { ttl: '60s' }).acquire())
    return all
  }
  const call = (options: AcquireOptions = {}) =>
    w.watch(b.locks.all(['a', 'b', 'c'], { ttl: 1000 }).acquire(options))
  const clean = async (ms = 100): Promise<void> => {
    await w.advance(ms)
    expect(w.left()).toEqual([])
    for (const { clock } of w.clients) expect(clock.timers).toBe(0)
  }
  return { w, a, b, take, call, clean }
}

const code = ({ state, error }: Outcome<unknown>): unknown[] => [state, error?.code ?? error]

test.each(each)('one try names whoever holds, and leaves nothing: %s', async (_, open) => {
  const { w, b, take, call, clean } = await stage(open)
  const held = await take('b')
  const refused = call({ wait: 0 })
  await w.advance(1)
  expect(refused.error).toMatchObject({
    code: 'ERR_TAKEN',
    lock: 'b',
    holder: { mode: 'exclusive', owner: held[0]!.owner, label: 'rival' },
  })
  const all = b.locks.all(['a', 'b', 'c'])
  expect(await all.tryAcquire()).toBe(null)
  expect(await all.tryUse(() => 'ran')).toEqual({ ran: false })
  await held[0]!.release()
  expect(await all.tryUse(({ locks }) => locks.length)).toEqual({ ran: true, result: 3 })
  await clean()
})

test.each(each)('a wait that is over names whoever holds what is lacking: %s', async (_, open) => {
  const { w, take, call, clean } = await stage(open)
  const [x, z] = await take('a', 'c')
  const waiting = call({ wait: 3000 })
  await w.advance(2500)
  await x!.release()
  await w.advance(600)
  expect(waiting.error).toMatchObject({
    code: 'ERR_TIMEOUT',
    lock: 'c',
    holder: { owner: z!.owner, label: 'rival' },
  })
  expect(waiting.error.message).toContain('within 3000 ms')
  expect(waiting.at).toBeLessThan(3200)
  await z!.release()
  await clean()
})

const moments = {
  'in line, holding nothing': { held: ['a'], give: [] },
  'in line, holding what comes before': { held: ['a', 'b', 'c'], give: ['a'] },
} as const

for (const [moment, { held, give }] of Object.entries(moments)) {
  test.each(each)(`aborted ${moment}: %s`, async (_, open) => {
    const { w, take, call, clean } = await stage(open)
    const locks = await take(...held)
    const end = new AbortController()
    const waiting = call({ signal: end.signal })
    await w.advance(5)
    for (const lock of locks)
      if ((give as readonly string[]).includes(lock.name)) await lock.release()
    await w.advance(5)
    end.abort('enough')
    await w.advance(1)
    expect(waiting).toMatchObject({ state: 'failed', error: 'enough' })
    for (const lock of locks) await lock.release()
    await clean()
  })

  test.each(each)(`closed ${moment}: %s`, async (_, open) => {
    const { w, b, take, call, clean } = await stage(open)
    const locks = await take(...held)
    const waiting = call()
    await w.advance(5)
    for (const lock of locks)
      if ((give as readonly string[]).includes(lock.name)) await lock.release()
    await w.advance(5)
    const late = w.net.hold('reply', 'release', { of: b, times: Infinity })
    const closing = w.watch(b.locks.close())
    await w.advance(1)
    expect([code(waiting), closing.state]).toEqual([['failed', 'ERR_CLOSED'], 'pending'])
    late.release()
    await w.advance(1)
    expect(closing.state).toBe('done')
    for (const lock of locks) await lock.release()
    await clean()
  })
}

test.each(each)('aborted or closed while the question is under way: %s', async (_, open) => {
  for (const how of ['abort', 'close']) {
    for (const direction of ['request', 'reply'] as const) {
      const { w, b, call, clean } = await stage(open)
      await b.locks.mutex('warm').use(() => undefined)
      const late = w.net.hold(direction, 'all')
      const end = new AbortController()
      const asking = call({ signal: end.signal })
      await w.advance(1)
      expect(late.count).toBe(1)
      if (how === 'abort') end.abort(Object.assign(new Error(), { code: 'enough' }))
      const told = w.net.hold('reply', 'release', { of: b, times: how === 'close' ? 9 : 0 })
      const closing = how === 'close' ? w.watch(b.locks.close()) : null
      await w.advance(1)
      if (closing) expect(closing.state).toBe('pending')
      told.end()
      told.release()
      expect(code(asking)).toEqual(['failed', how === 'abort' ? 'enough' : 'ERR_CLOSED'])
      // The release has come first; what it comes too late for is given back when its reply is there.
      late.release()
      await w.advance(1)
      if (closing) expect(closing.state).toBe('done')
      await clean(20)
    }
  }
})

test.each(each)(
  'a lost question or answer is asked again, under new owner ids: %s',
  async (_, open) => {
    for (const direction of ['request', 'reply'] as const) {
      const { w, b, call, clean } = await stage(open)
      await b.locks.mutex('warm').use(() => undefined)
      w.net.drop(direction, 'all')
      const asking = call()
      await w.advance(1000)
      expect(asking.state).toBe('done')
      const owners = asking.value.locks.map(({ owner }) => owner)
      expect(['a', 'b', 'c'].map((name) => w.holder(name))).toEqual(owners)
      await asking.value.release()
      await clean()
    }
  },
)

test.each(each)('a server that does not answer: %s', async (_, open) => {
  const { w, call, clean } = await stage(open)
  const heal = w.net.silence()
  const [once, waiting] = [call({ wait: 0 }), call({ wait: 700 })]
  await w.advance(720)
  heal()
  expect([code(once), code(waiting)]).toEqual([
    ['failed', 'ERR_UNAVAILABLE'],
    ['failed', 'ERR_UNAVAILABLE'],
  ])
  expect(once.at).toBeLessThan(300)
  expect(waiting.at).toBeLessThan(860)
  await clean(4000)
})

test.each(each)(
  'a process that dies between two names costs the others one lease: %s',
  async (_, open) => {
    const { w, a, b, take, call } = await stage(open)
    const [x, y] = await take('a', 'b')
    call()
    await w.advance(5)
    await x!.release()
    await w.advance(5)
    expect(w.holder('a')).not.toBe(null)
    b.clock.freeze('stopped')
    w.net.silence(b)
    const next = w.watch(a.locks.all(['b', 'a']).acquire())
    await y!.release()
    await w.advance(2100)
    expect(next.state).toBe('done')
    await next.value.release()
    await w.advance(3000)
    expect(w.left()).toEqual([])
  },
)

test.each(each)(
  'a process that was stopped while it held one name begins anew: %s',
  async (_, open) => {
    const { w, a, b, take, call, clean } = await stage(open)
    const [x, y] = await take('a', 'b')
    const waiting = call({ wait: '60s' })
    await w.advance(5)
    await x!.release()
    await w.advance(5)
    b.clock.freeze('stopped')
    await w.advance(3000)
    const other = await a.locks.mutex('a', { ttl: '60s' }).tryAcquire()
    expect(other).not.toBe(null)
    await y!.release()
    await w.advance(3000)
    b.clock.thaw()
    await w.advance(10)
    expect(waiting.state).toBe('pending')
    other!.assertHeld()
    await other!.release()
    await w.advance(10)
    expect(waiting.state).toBe('done')
    waiting.value.assertHeld()
    await waiting.value.release()
    await clean()
  },
)

test.each(each)(
  'the answer that comes when a lease is all but over is no grant: %s',
  async (_, open) => {
    for (const wait of [0, 5000]) {
      const { w, b, call, clean } = await stage((world) => open(world, { nodeTimeout: 5000 }))
      await b.locks.mutex('warm').use(() => undefined)
      w.net.delay('reply', 'all', 980, { when: ({ keys }) => keys.includes('lock:a') })
      const asking = call({ wait })
      await w.advance(1200)
      if (wait === 0) expect(code(asking)).toEqual(['failed', 'ERR_UNAVAILABLE'])
      else {
        asking.value.assertHeld()
        await asking.value.release()
      }
      await clean(1)
    }
  },
)

/** After so many turns of promises. */
function later(turns: number, work: () => void): void {
  if (turns === 0) work()
  else queueMicrotask(() => later(turns - 1, work))
}

test.each(each)(
  'aborted or closed at any moment between an answer and its use: %s',
  async (_, open) => {
    for (const how of ['abort', 'close', 'close, and it lacks one'])
      for (const answered of ['lock:a', 'lock:c']) {
        const seen = new Set<unknown>()
        for (let turns = 0; turns < 40; turns++) {
          const { w, b, take, call, clean } = await stage(open)
          await b.locks.mutex('warm').use(() => undefined)
          const held = how.endsWith('one') ? await take('c') : []
          const end = new AbortController()
          let closing: Outcome<void> | undefined
          const stop = (): void => {
            if (how === 'abort') end.abort(Object.assign(new Error(), { code: 'enough' }))
            else closing = w.watch(b.locks.close())
          }
          const ends = w.net.rewrite('all', (reply, { keys }) => {
            if (keys.includes(answered)) later(turns, stop)
            return reply
          })
          const asking = call({ signal: end.signal })
          await w.advance(20)
          ends()
          seen.add(code(asking)[1])
          if (closing) expect(closing.state).toBe('done')
          if (closing && asking.state === 'done') {
            expect(asking.value.signal.reason).toMatchObject({ reason: 'closed' })
          } else if (asking.state === 'done') await asking.value.release()
          for (const lock of held) await lock.release()
          await clean(20)
          expect(getEventListeners(end.signal, 'abort')).toEqual([])
        }
        const both = [how === 'abort' ? 'enough' : 'ERR_CLOSED', undefined]
        expect(seen).toEqual(new Set(how.endsWith('one') ? ['ERR_CLOSED'] : both))
      }
  },
)

test.each(each)('aborted or closed just after an answer that was an error: %s', async (_, open) => {
  for (const how of ['abort', 'close']) {
    for (let turns = 0; turns < 20; turns++) {
      const { w, b, call, clean } = await stage(open)
      await b.locks.mutex('warm').use(() => undefined)
      const end = new AbortController()
      w.net.rewrite('all', () => {
        const stop = (): void => {
          if (how === 'abort') end.abort(Object.assign(new Error(), { code: 'enough' }))
          else void b.locks.close()
        }
        later(turns, stop)
        throw new Error('LOADING')
      })
      const asking = call({ signal: end.signal })
      await w.advance(1)
      expect(code(asking)).toEqual(['failed', how === 'abort' ? 'enough' : 'ERR_CLOSED'])
      await clean(20)
    }
  }
})

test('aborted by who hears that one name was granted', async () => {
  const { w, take, call, clean } = await stage((world) => world.client())
  const [a] = await take('a')
  const end = new AbortController()
  const waiting = call({ signal: end.signal })
  await w.advance(5)
  const abort = (): void => end.abort('enough')
  subscribe('holdfast:granted', abort)
  await a!.release()
  await w.advance(5)
  unsubscribe('holdfast:granted', abort)
  expect(waiting).toMatchObject({ state: 'failed', error: 'enough' })
  await clean(20)
})

test('what was never sent is not released', async () => {
  const { w, b, call, clean } = await stage((world) => world.client())
  await b.locks.mutex('warm').use(() => undefined)
  const before = w.net.count()
  b.port.ready = false
  const end = new AbortController()
  const asking = call({ signal: end.signal })
  await w.advance(20)
  end.abort('enough')
  await w.advance(1)
  expect(asking).toMatchObject({ state: 'failed', error: 'enough' })
  b.port.ready = true
  await clean(300)
  expect(w.net.count()).toBe(before)
})

test('an order to let go that overtakes the answer is obeyed', async () => {
  const { w, a, call, clean, b } = await stage((world) => world.client())
  await b.locks.mutex('warm').use(() => undefined)
  const late = w.net.hold('reply', 'all')
  const asking = call()
  await w.advance(1)
  const { asked } = await a.locks.forceRelease('b')
  expect(asked).toBe(1)
  await w.advance(1)
  late.release()
  await w.advance(1)
  expect(asking.value.signal.reason).toMatchObject({ lock: 'b', reason: 'forced' })
  await asking.value.release()
  await clean()
})

test('what it held for too long it gives back before it asks again', async () => {
  const { w, b, take, call, clean } = await stage((world) => world.client())
  const [x, y] = await take('a', 'b')
  const waiting = call({ wait: '60s' })
  await w.advance(5)
  await x!.release()
  await w.advance(5)
  const asked = w.net.count('acquire', b)
  b.clock.freeze('stopped')
  await y!.release()
  // The lease of a is still there, but too short to be used.
  await w.advance(955)
  expect(w.holder('a')).not.toBe(null)
  b.clock.thaw()
  await w.advance(5)
  expect(waiting.state).toBe('done')
  expect(w.net.count('acquire', b)).toBe(asked)
  await waiting.value.release()
  await clean()
})

test.each(each)(
  'a holder of one name is forced while it waits for another: %s',
  async (_, open) => {
    const { w, a, take, call, clean } = await stage(open)
    const [x, y] = await take('a', 'b')
    const waiting = call({ wait: '60s' })
    await w.advance(5)
    await x!.release()
    await w.advance(5)
    expect((await a.locks.forceRelease('a')).asked).toBe(1)
    await y!.release()
    await w.advance(10)
    // It let go of x, as was asked for, and took it again with the others.
    expect(waiting.state).toBe('done')
    waiting.value.assertHeld()
    expect(waiting.value.locks.map(({ owner }) => owner)).toEqual(
      ['a', 'b', 'c'].map((name) => w.holder(name)),
    )
    await w.advance(2000)
    waiting.value.assertHeld()
    await waiting.value.release()
    await clean()
  },
)

test('a wish that came before the set was whole is told to it', async () => {
  const { w, a, take, call, clean } = await stage((world) => world.client())
  const [x, y] = await take('a', 'b')
  const waiting = call({ wait: '60s' })
  await w.advance(5)
  await x!.release()
  await w.advance(5)
  await a.locks.revoke('a', { reason: 'please' })
  await w.advance(5)
  await y!.release()
  await w.advance(5)
  expect(waiting.value.revoked.aborted).toBe(true)
  expect(waiting.value.revoked.reason).toMatchObject({ lock: 'a', by: { reason: 'please' } })
  expect(waiting.value.isHeld).toBe(true)
  await waiting.value.release()
  await clean()
})

test('a wait that is over says who holds, also if only the first answer came', async () => {
  const { w, take, call, clean } = await stage((world) => world.client())
  const [b] = await take('b')
  w.net.drop('reply', 'acquire', { times: Infinity })
  const waiting = call({ wait: 80 })
  await w.advance(200)
  expect(waiting.error).toMatchObject({
    code: 'ERR_TIMEOUT',
    lock: 'b',
    holder: { label: 'rival' },
  })
  await b!.release()
  await clean(2000)
})

test('what was granted and given back is told to those who listen to events', async () => {
  const { w, take, call, clean } = await stage((world) => world.client())
  const [a, b] = await take('a', 'b')
  const waiting = call({ wait: '60s' })
  await w.advance(5)
  const events = new Events()
  const told = (channel: 'holdfast:granted' | 'holdfast:released'): string[] =>
    events.of(channel).map(({ name }) => name)
  try {
    await a!.release()
    await w.advance(1500)
    expect([told('holdfast:granted'), told('holdfast:released')]).toEqual([['a'], ['a', 'a']])
    await b!.release()
    await w.advance(5)
    await waiting.value.release()
    expect(told('holdfast:granted').slice(1).toSorted()).toEqual(['a', 'b', 'c'])
    expect(told('holdfast:released').slice(2).toSorted()).toEqual(['a', 'b', 'b', 'c'])
    expect(events.of('holdfast:lost')).toEqual([])
  } finally {
    events.stop()
  }
  await clean()
})

test('close waits until what it called off is released, subscribed or not', async () => {
  const w = new World()
  const { locks } = w.client()
  await locks.mutex('warm').use(() => undefined)
  w.net.hold('reply', 'all')
  const asking = w.watch(locks.all(['a', 'b', 'c']).acquire())
  await w.advance(1)
  const told = w.net.hold('reply', 'release')
  const closing = w.watch(locks.close())
  await w.advance(1)
  expect([code(asking), closing.state]).toEqual([['failed', 'ERR_CLOSED'], 'pending'])
  told.release()
  await w.advance(1)
  expect([closing.state, w.left()]).toEqual(['done', []])
})
