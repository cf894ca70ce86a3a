// Locks that a process keeps after their release, for its next call: review L8.
import { expect, test } from 'vitest'
import { LocalClock } from '../../src/base/clock.js'
import type { Lock } from '../../src/index.js'
import { Lease, type Grant, type Terms } from '../../src/lease/lease.js'
import { ClientClock } from '../kit/client-clock.js'
import { believers, World, type SimClient } from '../kit/world.js'
import { Servers } from '../quorum/kit.js'

const LINGER = { linger: 500, localHandovers: 16 } as const

class Stage {
  readonly world = new World()
  readonly a = this.world.client()
  readonly b = this.world.client()

  /** A client that can be told that somebody wants what it keeps. */
  static async ready(): Promise<Stage> {
    const stage = new Stage()
    for (const client of [stage.a, stage.b]) {
      const mutex = client.locks.mutex('warm-up')
      const held = await stage.now(mutex.acquire())
      const wait = stage.world.watch(mutex.acquire())
      await stage.world.advance()
      await stage.now(held.release())
      await stage.now(wait.value.release())
    }
    await stage.world.advance(1)
    stage.world.net.log.length = 0
    return stage
  }

  now<T>(promise: Promise<T>): Promise<T> {
    return this.world.now(promise)
  }

  take(client: SimClient, options = {}): Promise<Lock> {
    return this.now(client.locks.mutex('a', { ...LINGER, ...options }).acquire())
  }

  get sent(): string[] {
    return this.world.net.log.map(({ what }) => what)
  }
}

test('20 cycles in a row: one command to take it, and one when it is given back', async () => {
  const s = await Stage.ready()
  const fences: number[] = []
  for (let i = 0; i < 20; i++) {
    const lock = await s.take(s.a)
    fences.push(lock.fence)
    expect(await s.now(lock.release())).toEqual({ released: true })
    expect(lock.isHeld).toBe(false)
    await s.world.advance(400)
  }
  // The third of 10 s has passed meanwhile: while it was held, and not while it was kept.
  expect(s.sent.filter((what) => what !== 'renew')).toEqual(['acquire'])
  expect(fences).toEqual(fences.map((_, i) => fences[0]! + i))
  await s.world.advance(100)
  expect(s.sent.filter((what) => what !== 'renew')).toEqual(['acquire', 'release'])
  expect(s.world.left()).toEqual([])
  expect(s.world.clock.timers).toBe(0)
})

test('whoever wants it elsewhere has it at once, by message', async () => {
  const s = await Stage.ready()
  const lock = await s.take(s.a)
  await s.now(lock.release())
  expect(s.world.holder('a')).toBe(lock.owner)
  const other = await s.take(s.b)
  expect(s.world.holder('a')).toBe(other.owner)
  expect(other.fence).toBeGreaterThan(lock.fence)
  // It waits in line and is pushed the grant, and nobody waited for anything else.
  expect(s.sent).toEqual(['acquire', 'acquire', 'release'])
})

test('a single try elsewhere is refused, and makes it free for the next', async () => {
  const s = await Stage.ready()
  await s.now((await s.take(s.a)).release())
  const mutex = s.b.locks.mutex('a')
  expect(await s.now(mutex.tryAcquire())).toBe(null)
  expect(s.world.holder('a')).toBe(null)
  expect(await s.now(mutex.tryAcquire())).not.toBe(null)
})

test('in its own process any call has it: on the same terms as it is, else by the server', async () => {
  const s = await Stage.ready()
  const first = await s.take(s.a)
  await s.now(first.release())
  const tried = (await s.now(s.a.locks.mutex('a', LINGER).tryAcquire()))!
  expect([tried.owner, tried.fence]).toEqual([first.owner, first.fence + 1])
  await s.now(tried.release())
  for (const options of [
    { ttl: 5000, linger: 0 },
    { renew: false, linger: 0 },
  ]) {
    const other = await s.take(s.a, options)
    expect(other.owner).not.toBe(first.owner)
    await s.now(other.release())
    await s.now((await s.take(s.a)).release())
  }
  const reader = await s.now(s.a.locks.readWrite('a').read().tryAcquire())
  expect(reader).not.toBe(null)
})

test('who waits while it is held gets it at the release: nothing lingers', async () => {
  const s = await Stage.ready()
  const lock = await s.take(s.a)
  const waiting = s.world.watch(s.b.locks.mutex('a').acquire())
  await s.world.advance()
  await s.now(lock.release())
  expect(waiting.state).toBe('done')
  // And the same where the message was lost: the next renewal tells it.
  const again = s.world.watch(s.a.locks.mutex('a', LINGER).acquire())
  await s.now(waiting.value.release())
  s.world.net.drop('push', 'wanted', { times: Infinity })
  const next = s.world.watch(s.b.locks.mutex('a').acquire())
  await s.world.advance(4000)
  await s.now(again.value.release())
  expect(next.state).toBe('done')
})

test('who is granted it while others wait behind keeps it for nobody', async () => {
  const s = await Stage.ready()
  const held = await s.now(s.b.locks.mutex('a').acquire())
  const mine = s.world.watch(s.a.locks.mutex('a', LINGER).acquire())
  await s.world.advance()
  const last = s.world.watch(s.b.locks.mutex('a').acquire())
  await s.world.advance()
  await s.now(held.release())
  expect([mine.state, last.state]).toEqual(['done', 'pending'])
  await s.now(mine.value.release())
  expect(last.state).toBe('done')
})

test('a message that somebody wants it that is lost costs the linger time, not the lease', async () => {
  const s = await Stage.ready()
  await s.now((await s.take(s.a)).release())
  s.world.net.drop('push', 'wanted')
  const other = s.world.watch(s.b.locks.mutex('a').acquire())
  await s.world.advance(499)
  expect(other.state).toBe('pending')
  await s.world.advance(2)
  expect(other.state).toBe('done')
})

test('what is kept is not believed in for longer than half of its lease', async () => {
  const s = await Stage.ready()
  const terms = { ttl: 600, linger: 1000, localHandovers: 16 }
  const lock = await s.take(s.a, terms)
  await s.now(lock.release())
  // The process stands still, the lease ends, and another one has the name.
  s.world.clock.block(650)
  const other = await s.now(s.b.locks.mutex('a').acquire())
  const mine = s.world.watch(s.a.locks.mutex('a', terms).acquire())
  await s.world.advance()
  expect([mine.state, believers(other)]).toEqual(['pending', 1])
  expect(s.world.holder('a')).toBe(other.owner)
  // Where the process runs it is given back then, and not renewed meanwhile.
  await s.now(other.release())
  await s.now(mine.value.release())
  s.world.net.log.length = 0
  await s.world.advance(200)
  expect(s.sent).toEqual([])
  await s.world.advance(100)
  expect(s.sent).toEqual(['release'])
})

test('what is kept while a renewal fails is used by nobody', async () => {
  const s = await Stage.ready()
  const terms = { ttl: 1500, linger: 1000, localHandovers: 1 }
  const lock = await s.take(s.a, terms)
  s.world.net.drop('request', 'renew')
  await s.world.advance(502)
  expect(s.sent).toEqual(['acquire', 'renew'])
  await s.now(lock.release())
  expect(s.world.holder('a')).toBe(lock.owner)
  await s.world.advance(155)
  const next = await s.take(s.a, terms)
  expect(next.owner).not.toBe(lock.owner)
})

test('trouble in the moment between two holders is that of the next', () => {
  const { clock } = new World()
  const local = new LocalClock(new ClientClock(clock, { seed: 1 }))
  const terms = {
    name: 'a',
    mode: 'x',
    ttl: 3000,
    renew: true,
    maxHold: Infinity,
  } as unknown as Terms
  const grant = { owner: 'o.1', fence: 1, deadline: 3000, length: 3000, serverTime: 0, begun: 0 }
  const make = (from: object): Lease =>
    new Lease(terms, { ...grant, ...from } as unknown as Grant, {
      clock: local,
      lost: () => undefined,
    })
  for (const trouble of ['doubt', 'gone'] as const) {
    const lease = make({})
    lease.renewAt = Infinity
    lease.passing()
    if (trouble === 'doubt') lease.doubt(new Error('late'), 70)
    else lease.lose('gone')
    const heir = make(lease.next(local.now()))
    // Not handed on before it has found out, which it does soon, or at once.
    expect([heir.check(), heir.soundAt(local.now())]).toEqual([true, false])
    expect(heir.renewAt).toBe(trouble === 'doubt' ? 70 : local.now())
    heir.renewed(0, 3000, 3000)
    expect(heir.soundAt(local.now())).toBe(true)
  }
})

test('forced, asked for, a subscription that broke, close: it is given back', async () => {
  const ways: ((s: Stage) => unknown)[] = [
    (s) => s.b.locks.forceRelease('a'),
    (s) => s.b.locks.revoke('a'),
    (s) => {
      s.a.port.cutPushes()
      s.a.port.mendPushes()
    },
    (s) => s.a.locks.close(),
  ]
  for (const way of ways) {
    const s = await Stage.ready()
    await s.now((await s.take(s.a)).release())
    expect(s.world.holder('a')).not.toBe(null)
    void way(s)
    await s.world.advance()
    expect(s.world.holder('a')).toBe(null)
    expect(s.world.left()).toEqual([])
  }
})

test('without a subscription nothing is kept; the first release asks for one', async () => {
  const world = new World()
  const { locks } = world.client()
  const mutex = locks.mutex('a', LINGER)
  for (const kept of [false, true]) {
    const one = world.watch(mutex.acquire())
    await world.advance()
    void one.value.release()
    await world.advance()
    expect(world.holder('a') !== null).toBe(kept)
  }
})

test('a turn ends when its tokens are used up; the next grant brings more', async () => {
  const s = await Stage.ready()
  const owners = new Set<string>()
  for (let i = 0; i < 64 + 1000; i++) {
    const lock = await s.take(s.a)
    owners.add(lock.owner)
    await s.now(lock.release())
  }
  expect(owners.size).toBe(2)
})

test('where two want it no grant reserves many tokens: the fence does not run ahead of the clock', async () => {
  const s = await Stage.ready()
  // The first grant is used up, and the next one reserves a thousand.
  for (let i = 0; i < 65; i++) await s.now((await s.take(s.a)).release())
  const owners = new Set<string>()
  const fences: number[] = []
  const loop = async (client: SimClient): Promise<void> => {
    for (let i = 0; i < 200; i++) {
      const lock = await client.locks.mutex('a', { ...LINGER, wait: 60_000 }).acquire()
      owners.add(lock.owner)
      fences.push(lock.fence)
      await new Promise<void>((resolve) => s.world.clock.setTimer(resolve, 0.01))
      await lock.release()
    }
  }
  const loops = s.world.watch(Promise.all([s.a, s.a, s.b, s.b].map((client) => loop(client))))
  await s.world.advance(5000)
  expect(loops.state).toBe('done')
  const used = Math.max(...fences) - Math.min(...fences)
  // The clock goes on by some microseconds for each, and no grant but the first reserves more than 64.
  expect(used / owners.size).toBeLessThan(200)
})

test('tokens that are ahead of the clock, since it was set back, do not get further ahead', async () => {
  const s = await Stage.ready()
  const cycle = async (): Promise<number> => {
    const asked = s.world.net.count('acquire')
    const lock = await s.take(s.a)
    await s.now(lock.release())
    // A cycle takes 5 microseconds, and a question 100.
    await s.world.advance(s.world.net.count('acquire') > asked ? 0.1 : 0.005)
    return lock.fence / 1000 - s.world.serverMs
  }
  for (let i = 0; i < 1500; i++) await cycle()
  s.world.serverStep -= 50
  const before = await cycle()
  for (let i = 0; i < 4000; i++) await cycle()
  expect(await cycle()).toBeLessThan(before)
})

test('a call that is aborted takes nothing, although it was kept', async () => {
  const s = await Stage.ready()
  await s.now((await s.take(s.a)).release())
  const signal = AbortSignal.abort('enough')
  const call = s.world.watch(s.a.locks.mutex('a', LINGER).acquire({ signal }))
  await s.world.advance()
  expect(call.error).toBe('enough')
})

test('a turn ends after localHandoverMs, whoever asks', async () => {
  const s = await Stage.ready()
  const owners = new Set<string>()
  for (let i = 0; i < 10; i++) {
    const lock = await s.take(s.a, { localHandoverMs: 350 })
    owners.add(lock.owner)
    await s.now(lock.release())
    await s.world.advance(100)
  }
  expect(owners.size).toBe(3)
})

test('who waits here goes before what is kept for later, within the bound', async () => {
  const s = await Stage.ready()
  const had: string[] = []
  const mutex = s.a.locks.mutex('a', { ...LINGER, localHandovers: 3 })
  const calls = Array.from({ length: 10 }, () =>
    s.world.watch(mutex.use((lock) => void had.push(lock.owner))),
  )
  await s.world.advance()
  expect(calls.every(({ state }) => state === 'done')).toBe(true)
  // Of four each, and nobody else waits.
  expect(new Set(had).size).toBe(1)
  expect(s.sent.filter((what) => what === 'renew')).toHaveLength(2)
})

test('linger where it cannot be is refused at the call', () => {
  const { locks } = new World().client({}, { localHandovers: 16 })
  const wrong = [
    { linger: 1001 },
    { linger: 10, renew: false },
    { linger: 10, holdAtLeast: 5 },
    { linger: 10, localHandovers: 0 },
  ]
  for (const options of [...wrong, { linger: -1 }, { linger: 'soon' as never }]) {
    expect(() => locks.mutex('a', options)).toThrow(/options\.linger/)
  }
  expect(() => new Servers(3).client().locks.mutex('a', LINGER)).toThrow(/of one server/)
  expect(() => locks.semaphore('a', { limit: 1, linger: 10 } as never)).toThrow(
    /linger is an option of mutex\(\) and readWrite\(\)/,
  )
})

test('two are kept of one name, because the server forgot: whoever takes one has it', async () => {
  for (const which of [0, 1]) {
    const stage = await Stage.ready()
    const { world, a } = stage
    const terms = [{ ttl: 10_000 }, { ttl: 8000 }]
    const one = await stage.take(a, terms[0])
    world.server.flush()
    const two = await stage.take(a, terms[1])
    await stage.now(one.release())
    await stage.now(two.release())
    const third = await stage.take(a, terms[which])
    await stage.now(third.release())
    await world.advance(20_000)
    expect((await stage.take(a, terms[which])).isHeld).toBe(true)
  }
})
