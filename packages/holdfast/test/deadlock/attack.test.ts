// Interleavings that were looked for to get a false victim, two for one ring, or a ring that stays.
import { expect, test } from 'vitest'
import {
  circleAt,
  circles,
  type SeenHolder,
  type SeenWait,
} from '../../src/locks/deadlock-graph.js'
import { World } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'
import { ring, states } from './kit.js'

const forever = { wait: Infinity }
const pause = (w: World, ms: number): Promise<void> =>
  new Promise((resolve) => w.clock.setTimer(resolve, ms))

test('who has let go of its lock, and could not tell the server, is no victim', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const first = w.watch(
    b.locks.mutex('y').use(async () => {
      await pause(w, 100)
      return b.locks.mutex('x', forever).use(() => 'both')
    }),
  )
  const second = w.watch(
    a.locks.mutex('x').use(async (x) => {
      await pause(w, 200)
      const waiting = a.locks.mutex('y', forever).use(() => 'y')
      await pause(w, 1100)
      void x.release()
      return waiting
    }),
  )
  await w.advance(10)
  // The release is lost again and again, for longer than it takes to look twice.
  const lost = w.net.drop('request', 'release', { of: a, times: Infinity })
  await w.advance(2500)
  expect(states([first, second])).toBe('pending pending')
  lost()
  await w.advance(10_000)
  expect(states([first, second])).toBe('done done')
})

test('nor is who has lost it', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const first = w.watch(
    b.locks.mutex('y').use(async () => {
      await pause(w, 100)
      return b.locks.mutex('x', forever).use(() => 'both')
    }),
  )
  const second = w.watch(
    a.locks.mutex('x', { maxHold: 1300 }).use(async () => {
      await pause(w, 200)
      return a.locks.mutex('y', forever).use(() => 'y')
    }),
  )
  await w.advance(10)
  w.net.drop('request', 'release', { of: a, times: Infinity })
  await w.advance(40_000)
  // It went on, when its lease was over on the server too; and is told what became of its own.
  expect(states([first, second])).toBe('done ERR_LOST')
})

test('who shares a name and was asked to go with all the others ends by himself', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const calls = Array.from({ length: 69 }, () =>
    w.watch(c.locks.readWrite('x', { ttl: 20_000 }).read().acquire()),
  )
  const first = w.watch(
    a.locks
      .readWrite('x', { ttl: 60_000 })
      .read()
      .use(async () => {
        await pause(w, 100)
        return a.locks.mutex('y', forever).use(() => 'both')
      }),
  )
  await w.advance(10)
  expect(states(calls)).not.toMatch(/pending/)
  const second = w.watch(
    b.locks.mutex('y').use(async () => {
      await pause(w, 200)
      return b.locks
        .readWrite('x', forever)
        .write()
        .use(() => 'wrote')
    }),
  )
  await w.advance(1500)
  // Nobody hears of it before its renewal; 64 have it in their records, and the last of all not.
  w.net.drop('push', 'forced', { times: Infinity })
  await Promise.all([w.client().locks.forceRelease('x'), w.advance(10)])
  await w.advance(5000)
  expect(states([first, second])).toBe('pending pending')
  await w.advance(60_000)
  expect(states([first, second])).toBe('ERR_LOST done')
})

test('a name of which nothing can be learnt hides no ring elsewhere', async () => {
  const w = new World()
  w.net.rewrite('waits', (reply, { keys }) => {
    if (keys[0] === 'lock:z') throw new Error('CLUSTERDOWN Hash slot not served')
    return reply
  })
  const [a, b, c, d] = [w.client(), w.client(), w.client(), w.client()].map(({ locks }) => locks)
  void d!.mutex('z').acquire()
  await w.advance(10)
  // b waits for x, and for v behind c, who waits for z.
  const behind = w.watch(
    c!.mutex('v', { ttl: 60_000 }).use(() => c!.mutex('z', { wait: 60_000 }).use(() => 'z')),
  )
  const second = w.watch(
    b!.mutex('y').use(async () => {
      await pause(w, 50)
      return Promise.all([
        b!.mutex('x', forever).use(() => 'x'),
        b!.mutex('v', forever).use(() => 'v'),
      ])
    }),
  )
  const first = w.watch(
    a!.mutex('x').use(async () => {
      await pause(w, 100)
      return a!.mutex('y', forever).use(() => 'both')
    }),
  )
  await w.advance(3000)
  expect(states([first, second, behind])).toBe('ERR_DEADLOCK pending pending')
})

test('who asks a holder to let go is heard by its renewal, whatever was noted there', async () => {
  const w = new World()
  const [a, b] = [w.client().locks, w.client().locks]
  await b.mutex('y', { ttl: 60_000 }).acquire()
  w.net.drop('push', 'revoked')
  let by: unknown
  const call = w.watch(
    a.mutex('x', { ttl: 6000 }).use(async ({ revoked }) => {
      revoked.addEventListener('abort', () => (by = (revoked.reason as { by: unknown }).by))
      await a.mutex('y', { wait: 20_000 }).acquire()
    }),
  )
  await w.advance(1500)
  expect(w.net.count('edge')).toBe(1)
  const asked = w.watch(b.revoke('x', { reason: 'a deploy' }))
  await w.advance(10)
  expect([asked.value, by]).toEqual([{ asked: 1 }, undefined])
  await w.advance(4000)
  expect(by).toMatchObject({ reason: 'a deploy', pid: process.pid })
  await w.advance(20_000)
  expect(call.error.code).toBe('ERR_TIMEOUT')
})

test('a context on two servers notes on each what it holds there', async () => {
  const [one, two] = [new World(), new World()]
  const [x, y] = [one.client().locks.mutex('x'), two.client().locks.mutex('y')]
  const other = await two.client().locks.mutex('y').acquire()
  const call = two.watch(x.use(() => y.use(() => 'both')))
  for (let ms = 0; ms < 1500; ms += 100) {
    await one.advance(100)
    await two.advance(100)
  }
  expect([one, two].map(({ net }) => [net.count('edge'), net.count('waits')])).toEqual([
    [1, 0],
    [0, 1],
  ])
  await other.release()
  await two.advance(10)
  await one.advance(10)
  await two.advance(10)
  expect(call.value).toBe('both')
})

test('a wait that is granted while its last look is under way is not given up', async () => {
  const w = new World()
  const [a, b] = [w.client(), w.client()]
  const stop = new AbortController()
  const first = w.watch(
    a.locks.mutex('x').use(async () => {
      await pause(w, 100)
      await a.locks
        .mutex('y')
        .use(() => {}, { ...forever, signal: stop.signal })
        .catch(() => {})
    }),
  )
  // What it gets by message it asks about first, because it does not renew.
  const own = { ...forever, renew: false, ttl: 60_000 }
  const second = w.watch(
    b.locks.mutex('y').use(async () => {
      await pause(w, 200)
      return b.locks.mutex('x', own).use(() => 'both')
    }),
  )
  await w.advance(1600)
  // Its first look saw the circle; of the second one the last answer comes late.
  const late = w.net.hold('reply', 'waits', {
    of: b,
    times: 1,
    when: ({ keys }) => keys[0] === 'lock:y',
  })
  await w.advance(400)
  expect(late.count).toBe(1)
  const renewal = w.net.hold('reply', 'renew', { of: b })
  stop.abort(new Error('enough'))
  await w.advance(10)
  expect(renewal.count).toBe(1)
  late.release()
  await w.advance(10)
  renewal.release()
  await w.advance(10)
  expect(states([first, second])).toBe('done done')
})

test('copies and late arrivals of what was noted make no ring, and break none', async () => {
  const w = new World()
  const notes = w.net.double('request', 'edge', { times: Infinity })
  const members = await ring(w, 3)
  await w.advance(3000)
  expect(states(members).split(' ').sort()).toEqual(['ERR_DEADLOCK', 'done', 'done'])
  const again = await ring(w, 3)
  await w.advance(1500)
  // Those of the first ring come now.
  notes.release()
  await w.advance(1500)
  expect(states(again).split(' ').sort()).toEqual(['ERR_DEADLOCK', 'done', 'done'])
})

test('a ring is found although the first notes were lost', async () => {
  const w = new World()
  w.net.drop('request', 'edge', { times: 2 })
  const members = await ring(w, 2)
  await w.advance(3000)
  expect(states(members).split(' ').sort()).toEqual(['ERR_DEADLOCK', 'done'])
})

test('who gives up and cannot leave the line is the only victim all the same', async () => {
  const w = new World()
  const lost = w.net.drop('request', 'release', { times: Infinity })
  const members = await ring(w, 3)
  await w.advance(9000)
  expect(states(members).split(' ').sort()).toEqual(['ERR_DEADLOCK', 'pending', 'pending'])
  lost()
  await w.advance(10_000)
  expect(states(members).split(' ').sort()).toEqual(['ERR_DEADLOCK', 'done', 'done'])
})

test('of sixty waits inside of one use, the last one closes a ring', async () => {
  const w = new World()
  const [mine, other, busy] = [w.client().locks, w.client().locks, w.client().locks]
  const running = gate()
  for (let i = 0; i < 59; i++) void busy.mutex(`n${i}`).use(() => running.opened)
  const start = gate()
  const second = w.watch(
    other.mutex('n59').use(async () => {
      await start.opened
      await pause(w, 500)
      return other.mutex('x', forever).use(() => 'both')
    }),
  )
  await w.advance(10)
  const first = w.watch(
    mine
      .mutex('x')
      .use(() =>
        Promise.all(
          Array.from({ length: 60 }, (_, i) => mine.mutex(`n${i}`, forever).use(() => i)),
        ),
      ),
  )
  await w.advance(10)
  start.open()
  await w.advance(3500)
  expect(states([first, second])).toBe('pending ERR_DEADLOCK')
  running.open()
  await w.advance(10)
  expect(first.value).toHaveLength(60)
})

test('two rings through one wait: each has a victim, and no more', async () => {
  const w = new World()
  const [a, b, c] = [w.client(), w.client(), w.client()]
  const reads = (one: typeof a, next: string): Promise<string> =>
    one.locks
      .readWrite('x')
      .read()
      .use(async () => {
        await pause(w, next === 'y' ? 200 : 300)
        return one.locks.mutex(next, forever).use(() => 'both')
      })
  const both = w.watch(
    b.locks.mutex('y').use(() =>
      b.locks.mutex('z').use(async () => {
        await pause(w, 100)
        return b.locks
          .readWrite('x')
          .write()
          .use(() => 'wrote', forever)
      }),
    ),
  )
  const readers = [w.watch(reads(a, 'y')), w.watch(reads(c, 'z'))]
  await w.advance(6000)
  expect(states([both, ...readers])).toBe('done ERR_DEADLOCK ERR_DEADLOCK')
})

const record = (mode: 'x' | 's' | 'p', since: number, ...waits: string[]) => ({
  mode,
  weight: 1,
  ttl: 1,
  since,
  token: 1,
  forced: false,
  edges: waits.map((wait) => ({ key: `k-${wait}`, wait, reports: false })),
})
const holder = (owner: string, ...waits: string[]): SeenHolder => ({
  owner,
  record: record('x', 0, ...waits),
})
const wait = (
  name: string,
  mode: 'x' | 's' | 'p',
  since: number,
  ...holders: SeenHolder[]
): SeenWait => ({
  key: `k-${name}`,
  wait: name,
  reports: false,
  record: record(mode, since),
  holders,
  complete: true,
  now: 0,
})

test('what is stuck, and in which circle', () => {
  const a = wait('a', 'x', 1, holder('h1', 'b'))
  const b = wait('b', 'x', 2, holder('h2', 'a'))
  const behind = wait('c', 'x', 3, holder('h3', 'a'))
  const all = [a, b, behind]
  const at = (one: SeenWait, seen: SeenWait[], ...own: string[]): string | undefined =>
    circleAt(one, new Set(own), seen)?.youngest.wait
  expect(at(a, all, 'h2')).toBe('b')
  expect(at(b, all, 'h1')).toBe('b')
  expect(at(behind, all, 'h9')).toBe(undefined)
  expect(circles(all).map(({ way }) => way.map(({ holder: { owner } }) => owner))).toEqual([
    ['h2', 'h1'],
  ])
  // Of its own it is known better what hangs on it.
  expect(at(a, all, 'other')).toBe(undefined)
  // Not in line, nobody holds, not seen, somebody else's, about to end: none of them is stuck.
  const nothing = { ...b, record: null }
  const free = { ...b, holders: [] }
  const foreign = { ...b, holders: [{ owner: '', record: null }] }
  const forced = {
    ...b,
    holders: [{ owner: 'h2', record: { ...record('x', 0, 'a'), forced: true } }],
  }
  for (const one of [nothing, free, foreign, forced]) expect(at(a, [a, one], 'h2')).toBe(undefined)
  expect(at(a, [a], 'h2')).toBe(undefined)
})

test('permits: every holder, and all of them seen', () => {
  const a = wait('a', 'x', 2, holder('h1', 'b'))
  const two = [holder('h2', 'a'), holder('h3', 'a')]
  const at = (b: SeenWait): string | undefined =>
    circleAt(a, new Set(['h2', 'h3']), [a, b])?.youngest.wait
  expect(at(wait('b', 'p', 1, ...two))).toBe('a')
  expect(at({ ...wait('b', 'p', 1, ...two), complete: false })).toBe(undefined)
  expect(at(wait('b', 'p', 1, ...two, holder('h4')))).toBe(undefined)
  expect(at(wait('b', 's', 1, ...two, holder('h4')))).toBe('a')
  // At one moment the later owner id is the younger one: .10 came after .9.
  const [x, y] = [
    wait('1.9', 'x', 1, holder('h1', '1.10')),
    wait('1.10', 'x', 1, holder('h2', '1.9')),
  ]
  expect(circles([x, y]).map(({ youngest }) => youngest.wait)).toEqual(['1.10'])
})
