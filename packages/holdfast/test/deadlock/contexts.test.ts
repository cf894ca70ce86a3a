// What is a deadlock and what is not: readers, permits, owners, and holders that end by themselves.
import { expect, test } from 'vitest'
import type { Holdfast } from '../../src/index.js'
import { World, type Outcome } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'
import { deadlockEvents, states } from './kit.js'

const forever = { wait: Infinity }
const pause = (w: World, ms: number): Promise<void> =>
  new Promise((resolve) => w.clock.setTimer(resolve, ms))

/** A world with some Holdfasts, each a process of its own. */
function processes(count: number): { w: World; locks: Holdfast[] } {
  const w = new World()
  return { w, locks: Array.from({ length: count }, () => w.client().locks) }
}

const sorted = (calls: readonly Outcome<unknown>[]): string[] => states(calls).split(' ').sort()

test('a reader that reads again behind a waiting writer', async () => {
  const { w, locks } = processes(2)
  const [a, b] = locks as [Holdfast, Holdfast]
  const reader = w.watch(
    a
      .readWrite('x')
      .read()
      .use(async () => {
        await pause(w, 500)
        return a
          .readWrite('x')
          .read()
          .use(() => 'twice')
      }),
  )
  await w.advance(100)
  const writer = w.watch(
    b
      .readWrite('x')
      .write()
      .use(() => 'wrote'),
  )
  await w.advance(3000)
  expect(reader.error).toMatchObject({
    code: 'ERR_DEADLOCK',
    cycle: [{ name: 'x', mode: 'shared', waitsFor: { name: 'x', mode: 'shared' } }],
  })
  expect(writer.value).toBe('wrote')
})

test('but a reader that reads again beside others, or behind a writer that comes to its turn, is none', async () => {
  const { w, locks } = processes(3)
  const [a, b, c] = locks as [Holdfast, Holdfast, Holdfast]
  const first = w.watch(
    a
      .readWrite('x')
      .read()
      .use(() =>
        a
          .readWrite('x')
          .read()
          .use(() => 'in'),
      ),
  )
  await w.advance(10)
  expect(first.value).toBe('in')
  // c reads for long; b waits to write; a, who holds y, waits behind b.
  const slow = w.watch(
    c
      .readWrite('x')
      .read()
      .use(() => pause(w, 6000)),
  )
  await w.advance(10)
  const writer = w.watch(
    b
      .readWrite('x')
      .write()
      .use(() => pause(w, 10)),
  )
  await w.advance(10)
  const behind = w.watch(
    a.mutex('y').use(() =>
      a
        .readWrite('x')
        .read()
        .use(() => 'in'),
    ),
  )
  await w.advance(10_000)
  expect(states([slow, writer, behind])).toBe('done done done')
})

test('two readers who both ask to write, by handles of an owner', async () => {
  const { w, locks } = processes(2)
  const calls = await Promise.all(
    locks.map(async (one) => {
      const owner = one.owner()
      const reader = await one.readWrite('x').read().acquire({ owner })
      return { one, owner, reader }
    }),
  )
  const writing = calls.map(({ one, owner }) =>
    w.watch(
      one
        .readWrite('x')
        .write()
        .acquire({ owner, ...forever }),
    ),
  )
  await w.advance(10)
  // Each would wait for itself, which is known at once.
  expect(states(writing)).toBe('ERR_DEADLOCK ERR_DEADLOCK')
  expect(writing[0]!.error).toMatchObject({ lock: 'x', held: 0 })
})

test('a circle through one reader of many, and the writer that waits for all', async () => {
  const { w, locks } = processes(3)
  const [a, b, c] = locks as [Holdfast, Holdfast, Holdfast]
  const running = gate()
  const free = w.watch(
    c
      .readWrite('x')
      .read()
      .use(() => running.opened),
  )
  const reader = w.watch(
    a
      .readWrite('x')
      .read()
      .use(async () => {
        await pause(w, 100)
        return a.mutex('y', forever).use(() => 'both')
      }),
  )
  await w.advance(10)
  const writer = w.watch(
    b.mutex('y').use(() =>
      b
        .readWrite('x')
        .write()
        .use(() => 'both', forever),
    ),
  )
  await w.advance(3000)
  // The reader came last. That c runs on helps nobody: the writer needs all of them.
  expect([reader.error?.code, writer.state]).toEqual(['ERR_DEADLOCK', 'pending'])
  running.open()
  await w.advance(10)
  expect([free.state, writer.value]).toEqual(['done', 'both'])
})

test('permits: while one holder runs there is no deadlock', async () => {
  const { w, locks } = processes(3)
  const [a, b, c] = locks as [Holdfast, Holdfast, Holdfast]
  const told = deadlockEvents()
  const running = gate()
  const semaphore = (one: Holdfast) => one.semaphore('s', { limit: 2 })
  const holder = w.watch(
    a.mutex('x').use(async () => {
      await pause(w, 50)
      return semaphore(a).use(() => 'both', forever)
    }),
  )
  const stuck = w.watch(
    semaphore(b).use(async () => {
      await pause(w, 20)
      return b.mutex('x', forever).use(() => 'both')
    }),
  )
  const free = w.watch(semaphore(c).use(() => running.opened))
  await w.advance(20_000)
  told.stop()
  expect(states([holder, stuck, free])).toBe('pending pending pending')
  expect(told.seen).toEqual([])
  running.open()
  await w.advance(10)
  expect(states([holder, stuck, free])).toBe('done done done')
})

test('permits: where every holder is stuck, the youngest ends', async () => {
  const { w, locks } = processes(3)
  const [a, b, c] = locks as [Holdfast, Holdfast, Holdfast]
  const calls = [
    w.watch(
      a.mutex('x').use(async () => {
        await pause(w, 50)
        return a.semaphore('s', { limit: 2 }).use(() => 'both', forever)
      }),
    ),
    ...[b, c].map((one, i) =>
      w.watch(
        one.semaphore('s', { limit: 2 }).use(async () => {
          await pause(w, 100 + i)
          return one.mutex('x', forever).use(() => 'both')
        }),
      ),
    ),
  ]
  await w.advance(3000)
  expect(states(calls)).toBe('done done ERR_DEADLOCK')
})

test('permits inside of permits of one semaphore: one ends, the others go on', async () => {
  const { w, locks } = processes(3)
  const calls = locks.map((one, i) => {
    const semaphore = one.semaphore('s', { limit: 3 })
    return w.watch(
      semaphore.use(async () => {
        await pause(w, 10 + i)
        return semaphore.use(() => 'two', forever)
      }),
    )
  })
  await w.advance(4000)
  expect(states(calls)).toBe('done done ERR_DEADLOCK')
  const alone = locks[0]!.semaphore('t', { limit: 1 })
  const self = w.watch(alone.use(() => alone.use(() => 'never', forever)))
  await w.advance(3000)
  expect(self.error).toMatchObject({ code: 'ERR_DEADLOCK', cycle: [{ waitsFor: { name: 't' } }] })
})

test('handles of an owner are one context; of none, nothing is known', async () => {
  for (const owned of [true, false]) {
    const { w, locks } = processes(2)
    const calls = await Promise.all(
      locks.map(async (one, i) => {
        const by = owned ? { owner: one.owner() } : {}
        await one.mutex(`n${i}`).acquire(by)
        return w.watch(
          pause(w, 10 + i).then(() => one.mutex(`n${1 - i}`).acquire({ ...by, wait: 9000 })),
        )
      }),
    )
    await w.advance(3000)
    expect(states(calls)).toBe(owned ? 'pending ERR_DEADLOCK' : 'pending pending')
    await w.advance(10_000)
    expect(calls[0]!.error.code).toBe('ERR_TIMEOUT')
  }
})

test('an owner: every kind, at once where it waits for itself, and what it lets go it holds no more', async () => {
  const { w, locks } = processes(1)
  const [a] = locks as [Holdfast]
  const owner = a.owner()
  const x = await a.mutex('x').acquire({ owner })
  const again = w.watch(a.mutex('x').acquire({ owner }))
  const reads = w.watch(a.readWrite('x').read().acquire({ owner }))
  const other = w.watch(a.mutex('x').acquire({ owner: a.owner(), wait: 100 }))
  await w.advance(10)
  expect(states([again, reads, other])).toBe('ERR_DEADLOCK ERR_DEADLOCK pending')
  expect(again.error.message).toMatch(/the owner of this call.*reentrant: true/)
  expect(await a.mutex('x').tryAcquire({ owner })).toBe(null)
  await w.advance(200)
  expect(other.error.code).toBe('ERR_TIMEOUT')
  await x.release()
  const writer = await a.readWrite('x').write().acquire({ owner })
  const reader = await writer.downgrade()
  const writes = w.watch(a.readWrite('x').write().acquire({ owner }))
  const beside = await a.readWrite('x').read().acquire({ owner })
  await w.advance(10)
  expect(writes.error.code).toBe('ERR_DEADLOCK')
  await Promise.all([reader.release(), beside.release()])
  const s = a.semaphore('s', { limit: 3 })
  const permits = [await s.acquire({ owner, permits: 2 }), await s.acquire({ owner })]
  await Promise.all(permits.map((one) => one.release()))
  // A re-entrant one, taken by the other kind before.
  const plain = await a.mutex('y').acquire({ owner })
  const mixed = w.watch(a.mutex('y', { reentrant: true }).acquire({ owner }))
  await w.advance(10)
  expect(mixed.error.code).toBe('ERR_DEADLOCK')
  await plain.release()
  expect(w.left()).toEqual([])
})

test('an owner that has lost a lock may take it again', async () => {
  const { w, locks } = processes(1)
  const [a] = locks as [Holdfast]
  const owner = a.owner()
  const lost = await a.mutex('x', { maxHold: 1000 }).acquire({ owner })
  await w.advance(1500)
  const again = await a.mutex('x').acquire({ owner })
  expect([lost.isHeld, again.isHeld]).toEqual([false, true])
})

test('several Holdfasts of one process are one context', async () => {
  const { w, locks } = processes(2)
  const [a, b] = locks as [Holdfast, Holdfast]
  const call = w.watch(a.mutex('x').use(() => b.mutex('x', forever).use(() => 'never')))
  await w.advance(3000)
  expect(call.error).toMatchObject({ code: 'ERR_DEADLOCK', cycle: [{ name: 'x' }] })
})

test('of several waits inside of one use, each counts', async () => {
  const { w, locks } = processes(3)
  const [a, b, c] = locks as [Holdfast, Holdfast, Holdfast]
  const running = gate()
  const free = w.watch(c.mutex('z').use(() => running.opened))
  const both = w.watch(
    a.mutex('x').use(async () => {
      await pause(w, 10)
      return Promise.all([
        a.mutex('y', forever).use(() => 'y'),
        a.mutex('z', forever).use(() => 'z'),
      ])
    }),
  )
  const other = w.watch(
    b.mutex('y').use(async () => {
      await pause(w, 900)
      return b.mutex('x', forever).use(() => 'both')
    }),
  )
  await w.advance(4000)
  expect(states([free, both, other])).toBe('pending pending ERR_DEADLOCK')
  running.open()
  await w.advance(10)
  expect(both.value).toEqual(['y', 'z'])
})

/** b holds y and waits for x; a holds x and waits for y: but something ends one of them by itself. */
async function halfRing(elsewhere = false): Promise<{
  w: World
  a: ReturnType<World['client']>
  first: Outcome<unknown>
  second: Outcome<unknown>
}> {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  for (const { port } of [a, b]) port.elsewhere = elsewhere
  const first = w.watch(
    a.locks.mutex('x').use(async () => {
      await pause(w, 100)
      return a.locks.mutex('y', forever).use(() => 'both')
    }),
  )
  await w.advance(10)
  const second = w.watch(
    b.locks.mutex('y').use(async () => {
      await pause(w, 200)
      return b.locks.mutex('x', { wait: 30_000 }).use(() => 'both')
    }),
  )
  await w.advance(1500)
  expect(states([first, second])).toBe('pending pending')
  return { w, a, first, second }
}

test('a process that was killed is in no circle: its lease ends', async () => {
  const { w, a, second } = await halfRing()
  // Its connections are closed.
  a.port.cutPushes()
  a.clock.freeze('stopped')
  await w.advance(20_000)
  expect(second.value).toBe('both')
})

test('but where the server cannot see that it is dead, it counts as alive until then', async () => {
  const { w, a, second } = await halfRing(true)
  a.port.cutPushes()
  a.clock.freeze('stopped')
  await w.advance(2000)
  expect(second.error.code).toBe('ERR_DEADLOCK')
})

test('a holder that was told to end ends by itself', async () => {
  const { w, second, first } = await halfRing()
  await w.client().locks.forceRelease('x')
  await w.advance(10)
  await w.advance(20_000)
  expect(second.value).toBe('both')
  expect(first.state).toBe('failed')
})

test('another library’s holder waits for nobody', async () => {
  const { w, locks } = processes(1)
  const [a] = locks as [Holdfast]
  w.server.set('lock:y', 'somebody else', 8000)
  const call = w.watch(a.mutex('x').use(() => a.mutex('y', forever).use(() => 'both')))
  await w.advance(10_000)
  expect(call.value).toBe('both')
})

test('what a context has let go, or has lost, it does not hold', async () => {
  const { w, locks } = processes(2)
  const [a, b] = locks as [Holdfast, Holdfast]
  const call = w.watch(
    a.mutex('x').use(async (x) => {
      const waiting = a.mutex('y', forever).use(() => 'y')
      await pause(w, 1500)
      await x.release()
      return waiting
    }),
  )
  await w.advance(10)
  const other = w.watch(
    b.mutex('y').use(async () => {
      await pause(w, 100)
      return b.mutex('x', forever).use(() => 'both')
    }),
  )
  await w.advance(5000)
  expect(states([call, other])).toBe('done done')
})

test('a wait that holds nothing sends nothing', async () => {
  const { w, locks } = processes(2)
  const [a, b] = locks as [Holdfast, Holdfast]
  await a.mutex('x').acquire()
  const calls = [w.watch(b.mutex('x', { wait: 9000 }).acquire())]
  const owner = b.owner()
  calls.push(w.watch(b.mutex('x', { wait: 9000 }).acquire({ owner })))
  await w.advance(10_000)
  expect(sorted(calls)).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT'])
  expect([w.net.count('edge'), w.net.count('waits')]).toEqual([0, 0])
})
