// Rings of processes that wait for each other, on the memory kernel under virtual time.
import { expect, test } from 'vitest'
import { World } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'
import { deadlockEvents, ring, searches, states } from './kit.js'

const victims = (text: string): number => text.split('ERR_DEADLOCK').length - 1

test.each([2, 3, 10])('a ring of %i is broken within 3 s, with one victim', async (count) => {
  const w = new World()
  const told = deadlockEvents()
  const members = await ring(w, count)
  const closed = w.clock.monotonic()
  await w.advance(1749)
  expect(victims(states(members))).toBe(0)
  await w.advance(1)
  told.stop()
  const victim = members.find(({ state }) => state === 'failed')!
  expect(states(members).split(' ').sort()).toEqual([
    'ERR_DEADLOCK',
    ...Array.from({ length: count - 1 }, () => 'done'),
  ])
  expect(victim.at - closed).toBeLessThan(3000)
  expect(victim.error.cycle).toHaveLength(count)
  expect(told.seen).toHaveLength(1)
  expect(told.seen[0]).toMatchObject({ broken: true, cycle: victim.error.cycle, mode: 'exclusive' })
  // Each notes its wait once, and looks twice: once round, and once round again.
  expect(w.net.count('edge')).toBe(count)
  expect(searches(w)).toBeLessThanOrEqual(count + 2 * count * count)
  expect(w.left()).toEqual([])
  expect(w.clock.timers).toBe(0)
})

test('the error names the circle: who holds what, and waits for what', async () => {
  const w = new World()
  const members = await ring(w, 3, (i) => (i === 1 ? { prefix: 'lock:n' } : {}))
  await w.advance(3000)
  // The one in the middle has other names for its keys, and so is in no ring.
  expect(states(members)).toBe('done done done')

  const v = new World()
  const [a, b] = [v.client({}, { prefix: 'lock:of-a:' }), v.client()]
  const start = gate()
  const first = v.watch(
    a.locks.mutex('x', { label: 'A' }).use(async () => {
      await start.opened
      return a.locks.mutex('y').use(() => 'both')
    }),
  )
  const second = v.watch(
    b.locks.mutex('of-a:y', { label: 'B' }).use(async () => {
      await start.opened
      await new Promise<void>((resolve) => v.clock.setTimer(resolve, 300))
      return b.locks.mutex('of-a:x').use(() => 'both')
    }),
  )
  await v.advance(100)
  start.open()
  await v.advance(3000)
  expect([first.value, second.error?.code]).toEqual(['both', 'ERR_DEADLOCK'])
  const { error } = second
  expect(error.message).toMatch(
    /"of-a:x" was given up.*B \(\S+\) holds "of-a:y" and waits for "of-a:x"; A \(\S+\) holds "of-a:x" and waits for "of-a:y"/,
  )
  const owner = expect.stringMatching(/^[0-9a-f]{32}\.\d+$/) as string
  const who = { host: expect.any(String) as string, pid: process.pid, owner, mode: 'exclusive' }
  expect(error).toMatchObject({
    lock: 'of-a:x',
    cycle: [
      {
        ...who,
        name: 'of-a:y',
        label: 'B',
        heldFor: 2150,
        waitsFor: { name: 'of-a:x', mode: 'exclusive', owner, waitedFor: 1750 },
      },
      {
        ...who,
        name: 'of-a:x',
        label: 'A',
        heldFor: 2150,
        waitsFor: { name: 'of-a:y', mode: 'exclusive', owner, waitedFor: 2050 },
      },
    ],
  })
})

test('who waits behind a deadlock is no victim, and goes on when it is broken', async () => {
  const w = new World()
  const members = await ring(w, 2)
  await w.advance(500)
  const c = w.client().locks
  // The youngest of all, and it holds something too; but nobody in the ring waits for it.
  const behind = w.watch(c.mutex('own').use(() => c.mutex('n0').use(() => 'got it')))
  const plain = w.watch(
    w
      .client()
      .locks.mutex('own')
      .use(() => 'own'),
  )
  await w.advance(3000)
  expect(victims(states(members))).toBe(1)
  expect([behind.value, plain.value]).toEqual(['got it', 'own'])
})

test('report: only the event, once; off: nothing is sent', async () => {
  const w = new World()
  const told = deadlockEvents()
  const members = await ring(w, 2, () => ({ deadlock: 'report' }))
  await w.advance(30_000)
  told.stop()
  expect(states(members)).toBe('pending pending')
  expect(told.seen).toHaveLength(1)
  expect(told.seen[0]).toMatchObject({ broken: false, cycle: [{}, {}] })
  const found = w.watch(w.client().locks.deadlocks())
  await w.advance(1000)
  expect(found.value).toHaveLength(1)
  const links = found.value[0]!.cycle.map(({ label, waitsFor }) => `${label} ${waitsFor.name}`)
  expect(links.sort()).toEqual(['m0 n1', 'm1 n0'])

  const silent = new World()
  const quiet = await ring(silent, 2, () => ({ deadlock: 'off' }))
  await silent.advance(30_000)
  expect(states(quiet)).toBe('pending pending')
  expect(searches(silent)).toBe(0)
})

test('where some only report, the youngest of the others ends', async () => {
  for (const reports of [0, 1, 2]) {
    const w = new World()
    const members = await ring(w, 3, (i) => ({ deadlock: i === reports ? 'report' : 'break' }))
    await w.advance(3000)
    expect(victims(states(members))).toBe(1)
    expect(members[reports]!.state).toBe('done')
  }
})

test('a wait that is limited to less than 3 s is left to its limit, and no other ends for it', async () => {
  const w = new World()
  const told = deadlockEvents()
  const [a, b] = [w.client().locks, w.client().locks]
  const first = w.watch(
    a.mutex('x').use(async () => {
      await new Promise<void>((resolve) => w.clock.setTimer(resolve, 10))
      return a.mutex('y').use(() => 'both')
    }),
  )
  const second = w.watch(
    b.mutex('y').use(async () => {
      await new Promise<void>((resolve) => w.clock.setTimer(resolve, 20))
      return b.mutex('x', { wait: 2900 }).use(() => 'both')
    }),
  )
  await w.advance(5000)
  told.stop()
  expect(second.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(first.value).toBe('both')
  expect(told.seen).toMatchObject([{ broken: false }])
})

test('edges of waits that are over count no more', async () => {
  const w = new World()
  const [a, b] = [w.client().locks, w.client().locks]
  const x = await a.mutex('x').acquire()
  await x.release()
  const other = w.watch(
    b.mutex('y').use(async () => {
      await new Promise<void>((resolve) => w.clock.setTimer(resolve, 2500))
      return b.mutex('x', { wait: Infinity }).use(() => 'both')
    }),
  )
  await w.advance()
  const stop = new AbortController()
  const seen = w.watch(
    a.mutex('x').use(async () => {
      await a
        .mutex('y')
        .use(() => {}, { signal: stop.signal })
        .catch(() => {})
      // The record of x still says that its holder waits for y.
      await new Promise<void>((resolve) => w.clock.setTimer(resolve, 9000))
      return 'went on'
    }),
  )
  await w.advance(2000)
  expect(w.net.count('edge')).toBeGreaterThan(0)
  stop.abort()
  await w.advance(12_000)
  expect([seen.value, other.value]).toEqual(['went on', 'both'])
})

test('a wait that goes on under another owner id is found under that', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const free = await c.locks.mutex('y').acquire()
  const first = w.watch(
    a.locks.mutex('x').use(() => a.locks.mutex('y', { wait: Infinity }).use(() => 'both')),
  )
  await w.advance(100)
  const [old] = w.line('y')
  const second = w.watch(
    b.locks.mutex('y').use(() => b.locks.mutex('x', { wait: Infinity }).use(() => 'both')),
  )
  // Noted under its first owner id; then the grant of that is lost, and its claim runs out.
  await w.advance(2000)
  w.net.drop('push', 'grant', { of: a })
  await free.release()
  await w.advance(2500)
  expect(w.holder('y')).not.toBe(old)
  // It does not know before it asks.
  while (w.line('y').includes(old!) || w.line('y').length === 0) await w.advance(100)
  await w.advance(2000)
  expect(states([first, second])).toBe('ERR_DEADLOCK done')
})

test('a second ring of the same calls is a deadlock of its own', async () => {
  const w = new World()
  const [a, b] = [w.client().locks, w.client().locks]
  const retrying = (mine: typeof a, own: string, other: string): Promise<number> =>
    mine.mutex(own, { wait: Infinity }).use(async () => {
      for (let tries = 1; ; tries++) {
        await new Promise<void>((resolve) => w.clock.setTimer(resolve, 5))
        try {
          return await mine.mutex(other, { wait: Infinity }).use(() => tries)
        } catch (error) {
          if (tries === 3) throw error
        }
      }
    })
  const calls = [w.watch(retrying(a, 'x', 'y')), w.watch(retrying(b, 'y', 'x'))]
  await w.advance(6000)
  // The one that came last comes again, and is again the last: three times.
  expect(states(calls).split(' ').sort()).toEqual(['ERR_DEADLOCK', 'done'])
})

test('a server that does not answer the search disturbs no wait', async () => {
  const w = new World()
  for (const what of ['edge', 'waits']) {
    w.net.rewrite(what, () => {
      throw new Error("NOPERM this user has no permissions to run the 'evalsha' command")
    })
  }
  const [a, b] = [w.client().locks, w.client().locks]
  const x = await a.mutex('x').acquire()
  const call = w.watch(b.mutex('y').use(() => b.mutex('x', { wait: 60_000 }).use(() => 'both')))
  await w.advance(50_000)
  expect(call.state).toBe('pending')
  expect(searches(w)).toBeGreaterThan(3)
  await x.release()
  await w.advance(10)
  expect(call.value).toBe('both')
})

test.each(['', 'is not answered'])(
  'what was handed over hangs on no wait of the first process (the word of it %s)',
  async (lost) => {
    const w = new World()
    const [a, b, c] = [w.client().locks, w.client().locks, w.client().locks]
    const [mine, theirs] = [a.owner(), b.owner()]
    const x = await a.mutex('x', { ttl: '1m' }).acquire({ owner: mine })
    await b.mutex('y').acquire({ owner: theirs })
    const waits = { wait: '1m' } as const
    const first = w.watch(a.mutex('y').acquire({ owner: mine, ...waits }))
    await w.advance(1500)
    if (lost) w.net.drop('reply', 'edge')
    const handing = w.watch(x.handOver())
    await w.advance(1000)
    // One command more than a handOver that nothing waits behind.
    expect([w.net.count('edge'), w.net.count('renew'), handing.state]).toEqual([2, 1, 'done'])
    const second = w.watch(b.mutex('x').acquire({ owner: theirs, ...waits }))
    await w.advance(5000)
    expect(states([first, second])).toBe('pending pending')
    await (await c.takeOver(handing.value)).release()
    await w.advance(5)
    expect(states([first, second])).toBe('pending done')
  },
)
