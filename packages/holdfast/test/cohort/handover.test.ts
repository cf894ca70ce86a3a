// Calls of one Holdfast that want one name: one place in the server's line, and hand-overs without the
// server, within their bounds.
import { expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { World, type SimClient } from '../kit/world.js'

const LOCAL = { localHandovers: 16 }

/** A call that holds the lock until it is told to let go. */
interface Call {
  readonly id: string
  lock: Lock | null
  error: unknown
}

/** Calls, in the order in which they had the lock. */
class Order {
  readonly world = new World()
  readonly had: string[] = []
  readonly locks: Lock[] = []

  call(client: SimClient, id: string, options = {}, call = {}): Call {
    const one: Call = { id, lock: null, error: null }
    void client.locks
      .mutex('a', { wait: Infinity, ...options })
      .acquire(call)
      .then(
        (lock) => {
          one.lock = lock
          this.had.push(id)
          this.locks.push(lock)
        },
        (error: unknown) => (one.error = error),
      )
    return one
  }

  calls(client: SimClient, id: string, count: number, options = {}): Call[] {
    return Array.from({ length: count }, (_, i) => this.call(client, `${id}${i}`, options))
  }

  /** Releases what is held, so many times in a row. */
  async pass(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      void this.locks.at(-1)!.release()
      await this.world.advance()
    }
  }

  count(script: string): number {
    return this.world.net.count(script)
  }
}

test('40 calls: one grant of the server and two renewals, in order, each with a larger token of its own', async () => {
  const o = new Order()
  const a = o.world.client({}, LOCAL)
  const calls = o.calls(a, 'a', 40)
  await o.world.advance()
  expect(o.world.line('a')).toEqual([])
  await o.pass(40)
  expect(o.had).toEqual(calls.map(({ id }) => id))
  expect([o.count('acquire'), o.count('release'), o.count('renew')]).toEqual([1, 1, 2])
  const fences = o.locks.map(({ fence }) => fence)
  expect(fences).toEqual(fences.toSorted((x, y) => x - y))
  expect(new Set(fences).size).toBe(40)
  expect(new Set(o.locks.map(({ owner }) => owner)).size).toBe(1)
  expect(o.world.left()).toEqual([])
})

test('localHandovers: 0: each has a place in line, and the server hands over', async () => {
  const o = new Order()
  const a = o.world.client()
  const calls = o.calls(a, 'a', 10)
  await o.world.advance()
  expect(o.world.line('a')).toHaveLength(9)
  await o.pass(10)
  expect(o.had).toEqual(calls.map(({ id }) => id))
  expect(o.count('release')).toBe(10)
})

test('whoever waits elsewhere is passed over by 16 at most, then it has the lock', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client({}, LOCAL)]
  o.calls(a, 'a', 50)
  await o.world.advance()
  o.call(b, 'b')
  await o.world.advance()
  await o.pass(51)
  // 17 with the first grant: who had it, and 16 to whom it was handed.
  expect(o.had.indexOf('b')).toBe(17)
  expect(o.had.filter((id) => id !== 'b')).toEqual(Array.from({ length: 50 }, (_, i) => `a${i}`))
  const fences = o.locks.map(({ fence }) => fence)
  expect(fences).toEqual(fences.toSorted((x, y) => x - y))
  expect(o.world.left()).toEqual([])
})

test('two processes take turns: a call waits for one turn of the other for each 17 before it', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client({}, LOCAL)]
  o.calls(a, 'a', 40)
  o.calls(b, 'b', 40)
  await o.world.advance()
  await o.pass(80)
  const turns = o.had.map((id) => id[0]).join('')
  expect(turns).toMatch(/^a{17}b{17}a{17}b{17}a{6}b{6}$/)
})

test('the time of a turn is limited too', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client({}, LOCAL)]
  o.calls(a, 'a', 10, { localHandoverMs: 100 })
  await o.world.advance()
  o.call(b, 'b')
  await o.world.advance()
  await o.pass(2)
  await o.world.advance(100)
  await o.pass(2)
  expect(o.had).toEqual(['a0', 'a1', 'a2', 'b', 'a3'])
})

test('tokens of a turn are above all before it and below all after it', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client()]
  o.calls(a, 'a', 3)
  await o.world.advance()
  o.call(b, 'b')
  await o.world.advance()
  await o.pass(3)
  // In the same microsecond, by the server's clock.
  expect(o.had).toEqual(['a0', 'a1', 'a2', 'b'])
  const [first, , third, other] = o.locks.map(({ fence }) => fence)
  expect(third! - first!).toBe(2)
  expect(other! - first!).toBe(64)
})

test('a first in line who gives up leaves the place to the next; the last takes it along', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client({}, LOCAL)]
  o.call(b, 'b')
  await o.world.advance()
  const aborts = [new AbortController(), new AbortController()]
  const [first, second] = aborts.map(({ signal }, i) => o.call(a, `a${i}`, {}, { signal }))
  await o.world.advance()
  const line = o.world.line('a')
  expect(line).toHaveLength(1)
  aborts[0]!.abort('first')
  await o.world.advance()
  expect([first!.error, o.world.line('a')]).toEqual(['first', line])
  aborts[1]!.abort('second')
  await o.world.advance()
  expect([second!.error, o.world.line('a')]).toEqual(['second', []])
  await o.pass(1)
  expect(o.world.left()).toEqual([])
})

test('a call whose wait is over is told who holds the lock, here and elsewhere', async () => {
  const o = new Order()
  const [a, b] = [
    o.world.client({}, { ...LOCAL, label: 'here' }),
    o.world.client({}, { ...LOCAL, label: 'there' }),
  ]
  const late = (client: SimClient): Call => o.call(client, 'late', { wait: 100 })
  o.call(a, 'a')
  await o.world.advance()
  const [ours, other] = [late(a), late(b)]
  await o.world.advance(200)
  const holder = { mode: 'exclusive', owner: o.locks[0]!.owner, label: 'here' }
  for (const { error } of [ours, other]) {
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', lock: 'a', holder })
    expect((error as { remaining: number }).remaining).toBeGreaterThan(9000)
    expect((error as Error).message).toMatch(/was not free within 100 ms: held by .*here/)
  }
  // Two wait for another process: one of them gives up, and the other one later.
  const [short, long] = [late(b), o.call(b, 'long', { wait: 300 })]
  await o.world.advance(200)
  expect(short.error).toMatchObject({ code: 'ERR_TIMEOUT', holder })
  expect([long.error, o.world.line('a').length]).toEqual([null, 1])
  await o.world.advance(200)
  expect(long.error).toMatchObject({ code: 'ERR_TIMEOUT', holder })
  expect((long.error as Error).message).toContain('was not free within 300 ms')
  expect(o.world.line('a')).toEqual([])
})

test('a call that comes when the last one has just given up has a place of its own', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client({}, LOCAL)]
  o.call(b, 'b')
  await o.world.advance()
  const held = o.world.net.hold('reply', 'release')
  const first = o.call(a, 'a0', { wait: 100 })
  await o.world.advance(120)
  // It waits for the server to say who holds the lock.
  expect(first.error).toBe(null)
  const second = o.call(a, 'a1')
  await o.world.advance(100)
  held.release()
  expect(first.error).toMatchObject({ code: 'ERR_TIMEOUT' })
  await o.pass(1)
  expect([o.had, second.error]).toEqual([['b', 'a1'], null])
})

test('only calls on the same terms share a place', async () => {
  const o = new Order()
  const [a, b] = [o.world.client({}, LOCAL), o.world.client({}, LOCAL)]
  o.call(b, 'b')
  await o.world.advance()
  const before = o.count('acquire')
  for (const terms of [
    {},
    { ttl: 5000 },
    { claim: 1000 },
    { label: 'x' },
    { lockDelay: 10 },
    { linger: 10 },
    { margin: 100 },
    { localHandovers: 3 },
    { localHandoverMs: 2000 },
  ]) {
    const options = { localHandoverMs: 1000, ...terms }
    o.call(a, 'first', options)
    o.call(a, 'second', options)
  }
  // These have one each: what is left of a lease is not what they ask for.
  for (const options of [{ renew: false }, { holdAtLeast: 10 }]) o.calls(a, 'own', 2, options)
  await o.world.advance()
  expect(o.world.line('a')).toHaveLength(9 + 4)
  expect(o.count('acquire') - before).toBeLessThanOrEqual(2 * 13)
})

test('one try is no wait: the server says that the lock is taken, and by whom', async () => {
  const o = new Order()
  const a = o.world.client({}, LOCAL)
  o.calls(a, 'a', 2)
  await o.world.advance()
  const tried = o.call(a, 'try', { wait: 0 })
  await o.world.advance()
  const holder = { owner: o.locks[0]!.owner }
  expect(tried.error).toMatchObject({ code: 'ERR_TAKEN', holder })
  expect(o.count('acquire')).toBe(2)
})

test('writers hand on among themselves, and readers who wait are not passed over for longer', async () => {
  const world = new World()
  const [a, b] = [world.client({}, LOCAL), world.client({}, LOCAL)]
  const had: string[] = []
  const use = (client: SimClient, kind: 'read' | 'write', id: string): void =>
    void client.locks
      .readWrite('a')
      [kind]()
      .use(async () => {
        had.push(id)
        await new Promise<void>((resolve) => world.clock.setTimer(resolve, 10))
      })
  for (let i = 0; i < 20; i++) use(a, 'write', 'w')
  await world.advance(1)
  use(b, 'read', 'r')
  use(a, 'read', 'r')
  await world.advance(1000)
  expect(had.join('')).toBe(`${'w'.repeat(17)}rr${'w'.repeat(3)}`)
})

test('bad options are refused at the call', () => {
  const { locks } = new World().client({}, LOCAL)
  for (const localHandovers of [-1, 1.5, 64, '3', null]) {
    expect(() => locks.mutex('a', { localHandovers } as object)).toThrow(
      /options.localHandovers.*a whole number from 0 to 63/,
    )
    expect(() => new World().client({}, { localHandovers } as object)).toThrow(/localHandovers/)
  }
  expect(() => locks.mutex('a', { localHandoverMs: 0 })).toThrow(/options.localHandoverMs/)
  expect(() => locks.semaphore('a', { limit: 2, localHandovers: 1 } as never)).toThrow(
    /localHandovers is an option of mutex\(\), readWrite\(\) and new Holdfast\(\)/,
  )
})
