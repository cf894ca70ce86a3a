// A turn of a process that is alone: a renewal says whether anybody else waits, and they go on if nobody does.
import { describe, expect, test } from 'vitest'
import type { Lock } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { believers, World, type SimClient } from '../kit/world.js'
import { Servers } from '../quorum/kit.js'

const LOCAL = { localHandovers: 16 }
/** Who has had it after a grant that was used up, as far as the renewal. */
const GRANT = 17

/** Who has the lock, in order. Each lets go when it is told to. */
class Play {
  readonly had: { who: string; lock: Lock }[] = []
  readonly errors: string[] = []
  readonly world: World

  constructor(world = new World()) {
    this.world = world
  }

  async contend(client: SimClient, who: string, count: number, options = {}): Promise<void> {
    const mutex = client.locks.mutex('a', { wait: Infinity, ...options })
    for (let i = 0; i < count; i++) {
      mutex.acquire().then(
        (lock) => this.had.push({ who, lock }),
        (error: { code: string }) => this.errors.push(error.code),
      )
    }
    await this.world.advance()
  }

  async pass(times = 1): Promise<void> {
    for (let i = 0; i < times; i++) {
      void this.had.at(-1)!.lock.release()
      await this.world.advance()
    }
  }

  get order(): string {
    return this.had.map(({ who }) => who).join('')
  }

  get owners(): number {
    return new Set(this.had.map(({ lock }) => lock.owner)).size
  }

  get believers(): number {
    return believers(...this.had.map(({ lock }) => lock))
  }

  count(what: string): number {
    return this.world.net.count(what)
  }

  /** All that still wait are served. */
  async finish(count: number): Promise<void> {
    for (let i = 0; this.had.length < count && i < 200; i++) {
      await this.pass()
      if (this.believers === 0) await this.world.advance(1000)
    }
    await this.pass()
    await this.world.advance(2000)
    expect(this.had).toHaveLength(count)
    const fences = this.had.map(({ lock }) => lock.fence)
    expect(fences).toEqual(fences.toSorted((x, y) => x - y))
    expect(new Set(fences).size).toBe(count)
    expect(this.world.left()).toEqual([])
  }
}

test('whenever somebody comes to wait elsewhere, 17 go before at most', async () => {
  const lengths = new Set<number>()
  for (let before = 0; before <= 2 * GRANT + 2; before++) {
    const play = new Play()
    const [a, b] = [play.world.client({}, LOCAL), play.world.client({}, LOCAL)]
    await play.contend(a, 'a', 80)
    await play.pass(before)
    await play.contend(b, 'b', 1)
    await play.pass(GRANT)
    // Who held when it came is one of them.
    const passedOver = play.order.indexOf('b') - before
    expect(passedOver).toBe(GRANT - (before % GRANT))
    lengths.add(passedOver)
    await play.finish(81)
  }
  expect(Math.max(...lengths)).toBe(GRANT)
})

test('the answer that nobody waits is late, and somebody does by now: 17 all the same', async () => {
  const play = new Play()
  const [a, b] = [play.world.client({}, LOCAL), play.world.client({}, LOCAL)]
  await play.contend(a, 'a', 80)
  const answer = play.world.net.hold('reply', 'renew')
  await play.pass(GRANT)
  expect([play.had.length, play.believers, answer.count]).toEqual([GRANT, 0, 1])
  await play.contend(b, 'b', 1)
  answer.release()
  await play.world.advance()
  await play.pass(GRANT)
  expect(play.order).toMatch(/^a{17}a{17}b$/)
  await play.finish(81)
})

test('who comes while they ask goes behind those who wait, and gets nothing out of turn', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', 20)
  const answer = play.world.net.hold('reply', 'renew')
  await play.pass(GRANT)
  await play.contend(a, 'late', 1)
  await play.contend(a, 'others', 1, { ttl: 7000 })
  // Only those on other terms have asked for themselves.
  expect([play.had.length, play.count('acquire')]).toEqual([GRANT, 2])
  answer.release()
  await play.world.advance()
  expect(play.had).toHaveLength(GRANT + 1)
  await play.finish(22)
  expect(play.had.map(({ who }) => who).slice(GRANT)).toEqual(['a', 'a', 'a', 'late', 'others'])
})

test('the time of a turn counts anew, too', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', 6, { localHandoverMs: 100 })
  for (const renewals of [0, 1, 1, 2, 2]) {
    await play.world.advance(60)
    await play.pass()
    expect(play.count('renew')).toBe(renewals)
  }
  await play.finish(6)
  expect(play.owners).toBe(1)
})

describe('no answer by which they may go on:', () => {
  test.each(['request', 'reply'] as const)('the %s is lost', async (direction) => {
    const play = new Play()
    const [a, b] = [play.world.client({}, LOCAL), play.world.client({}, LOCAL)]
    await play.contend(a, 'a', 40)
    play.world.net.drop(direction, 'renew')
    await play.pass(GRANT)
    await play.contend(b, 'b', 1)
    await play.world.advance(2000)
    // Given back, and asked for anew behind whoever waits.
    expect(play.order).toMatch(/^a{17}b$/)
    await play.finish(41)
    // Twice more, since the second time they stood in line.
    expect(play.owners).toBe(4)
  })

  test('it is forced meanwhile', async () => {
    const play = new Play()
    const [a, b] = [play.world.client({}, LOCAL), play.world.client({}, LOCAL)]
    await play.contend(a, 'a', 20)
    const request = play.world.net.hold('request', 'renew')
    await play.pass(GRANT)
    await b.locks.forceRelease('a', { now: true })
    await play.world.advance()
    request.release()
    await play.world.advance(2000)
    expect([play.had.length, play.believers]).toEqual([GRANT + 1, 1])
    await play.finish(20)
    expect(play.owners).toBe(2)
  })

  test('the answer comes when they ask for the next turn already: it is of what they had before', async () => {
    const play = new Play()
    const [a, b] = [play.world.client({}, LOCAL), play.world.client({}, LOCAL)]
    await play.contend(a, 'a', 50)
    const first = play.world.net.hold('reply', 'renew')
    await play.pass(GRANT)
    await b.locks.forceRelease('a', { now: true })
    await play.world.advance()
    const second = play.world.net.hold('reply', 'renew')
    await play.pass(GRANT)
    expect([play.had.length, second.count]).toEqual([2 * GRANT, 1])
    first.release()
    await play.world.advance()
    expect(play.had).toHaveLength(2 * GRANT)
    second.release()
    await play.world.advance()
    expect([play.had.length, play.owners]).toEqual([2 * GRANT + 1, 2])
    await play.finish(50)
  })

  test('the server has forgotten it', async () => {
    const play = new Play()
    const a = play.world.client({}, LOCAL)
    await play.contend(a, 'a', 20)
    await play.pass(GRANT - 1)
    // Else it would be the same microsecond, and its tokens begin again.
    await play.world.advance(10)
    play.world.server.flush()
    await play.pass()
    await play.world.advance(2000)
    expect([play.had.length, play.owners]).toEqual([GRANT + 1, 2])
    await play.finish(20)
  })

  test('the machine sleeps: the lease is over when the answer comes', async () => {
    const play = new Play()
    const a = play.world.client({}, LOCAL)
    await play.contend(a, 'a', 20, { ttl: 1000 })
    const answer = play.world.net.hold('reply', 'renew')
    await play.pass(GRANT)
    a.clock.freeze('asleep')
    await play.world.advance(5000)
    answer.release()
    a.clock.thaw()
    await play.world.advance()
    expect(play.believers).toBeLessThan(2)
    await play.world.advance(10_000)
    expect(play.owners).toBe(2)
    await play.finish(20)
  })
})

test('the last who waits gives up while they ask: it is given back at the answer', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', GRANT)
  const stop = new AbortController()
  const last = play.world.watch(
    a.locks.mutex('a', { wait: Infinity }).acquire({ signal: stop.signal }),
  )
  const answer = play.world.net.hold('reply', 'renew')
  await play.pass(GRANT)
  expect(play.count('renew')).toBe(1)
  stop.abort('enough')
  await play.world.advance()
  expect(last.error).toBe('enough')
  answer.release()
  await play.world.advance()
  expect(play.world.left()).toEqual([])
})

test('all give up while they ask, and another one comes: he has it at the answer', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', GRANT)
  const stop = new AbortController()
  play.world.watch(a.locks.mutex('a', { wait: Infinity }).acquire({ signal: stop.signal }))
  const answer = play.world.net.hold('reply', 'renew')
  await play.pass(GRANT)
  stop.abort('enough')
  await play.world.advance()
  await play.contend(a, 'late', 1)
  answer.release()
  await play.world.advance()
  expect([play.had.length, play.count('acquire')]).toEqual([GRANT + 1, 1])
  await play.finish(GRANT + 1)
})

test('it is closed while they ask: nothing stays, and no call hangs', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', 20)
  const answer = play.world.net.hold('reply', 'renew')
  await play.pass(GRANT)
  const closed = play.world.watch(a.locks.close())
  await play.world.advance()
  expect([closed.state, play.errors]).toEqual(['done', Array(3).fill('ERR_CLOSED')])
  expect(play.world.left()).toEqual([])
  answer.release()
  await play.world.advance(1000)
  expect(play.had).toHaveLength(GRANT)
})

test('a call whose time ends while they ask is told who had it', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', GRANT)
  const call = play.world.watch(a.locks.mutex('a').acquire({ wait: 100 }))
  play.world.net.hold('reply', 'renew')
  await play.pass(GRANT)
  await play.world.advance(150)
  expect(call.error).toMatchObject({ code: 'ERR_TIMEOUT', holder: { mode: 'exclusive' } })
  await play.world.advance(2000)
  expect(play.world.left()).toEqual([])
})

test('where others were in line before, a turn goes by the server as ever', async () => {
  const play = new Play()
  const [a, b] = [play.world.client({}, LOCAL), play.world.client({}, LOCAL)]
  await play.contend(b, 'b', 1)
  await play.contend(a, 'a', 40)
  await play.pass(1 + GRANT + 1)
  expect([play.count('renew'), play.owners]).toEqual([0, 3])
  await play.finish(41)
})

test('on three servers there is no turn by renewal: a minority may not know of who waits', async () => {
  const world = new Servers(3)
  const a = world.client(LOCAL)
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    const outcome = world.watch(promise)
    for (let i = 0; i < 100 && outcome.state === 'pending'; i++) await world.advance(10)
    return promise
  }
  await until(a.locks.bootstrap())
  const owners = new Set<string>()
  const mutex = a.locks.mutex('a', { wait: Infinity })
  await until(
    Promise.all(Array.from({ length: 40 }, () => mutex.use((lock) => void owners.add(lock.owner)))),
  )
  expect(owners.size).toBe(3)
})

test('the last who waits is the first of a turn: what was used of the grant is used', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  await play.contend(a, 'a', 3 * GRANT + 1)
  await play.pass(3 * GRANT)
  expect([play.had.length, play.count('renew'), play.owners]).toEqual([3 * GRANT + 1, 3, 1])
  // Of 64 tokens 12 are left, though nobody of this turn has handed it on.
  await play.contend(a, 'a', 40)
  await play.pass(12)
  expect(play.owners).toBe(1)
  await play.pass(1)
  expect(play.owners).toBe(2)
  await play.finish(3 * GRANT + 1 + 40)
})

test('the tokens of a grant are used up: the next brings more, unless they are ahead of the clock', async () => {
  const play = new Play()
  const a = play.world.client({}, LOCAL)
  const count = 64 + 2 * 1000 + 2 * 64 + 200
  await play.contend(a, 'a', count)
  const grants = async (times: number): Promise<number> => {
    await play.pass(times)
    return play.owners
  }
  // In this world no time goes by unless it is told to.
  expect([await grants(63), await grants(1)]).toEqual([1, 2])
  expect([await grants(999), await grants(1)]).toEqual([2, 3])
  // This one is ahead by more than a millisecond: the next has 64.
  expect([await grants(999), await grants(1)]).toEqual([3, 4])
  expect(await grants(63)).toBe(4)
  await play.world.advance(10)
  expect([await grants(1), await grants(63), await grants(1)]).toEqual([5, 5, 6])
  expect(await grants(150)).toBe(6)
  await play.finish(count)
})

describe('calls that come and go, at random', () => {
  test.each(Array.from({ length: 40 }, (_, i) => i + 1))('seed %i', async (seed) => {
    const random = new ManualClock({ seed })
    const below = (n: number): number => Math.floor(random.random() * n)
    const play = new Play()
    const most = 1 + below(4)
    const options = { localHandovers: most }
    const clients = [play.world.client({}, options), play.world.client({}, options)]
    const stops: AbortController[] = []
    /** Who waits of each client at the server, since when: how many the other had had. */
    const standing: ({ owner: string; had: number } | null)[] = [null, null]
    const count = (who: string): number => play.had.filter((one) => one.who === who).length
    const look = (): void => {
      const line = play.world.line('a')
      for (const i of [0, 1]) {
        const client = clients[i]!.locks
        const owner = line.find((one) => one.startsWith(ids.get(client) ?? '?'))
        const other = String(1 - i)
        // Who holds when it comes is one of them.
        const holds = play.had.some(({ who, lock }) => who === other && lock.isHeld)
        const others = count(other)
        const since = standing[i]
        if (since) expect(others - since.had).toBeLessThanOrEqual(most + 1)
        if (!owner) standing[i] = null
        else if (since?.owner !== owner) standing[i] = { owner, had: others - (holds ? 1 : 0) }
      }
    }
    const ids = new Map<unknown, string>()
    let calls = 0
    let held = 0
    for (let step = 0; step < 400; step++) {
      // The second comes now and then, of some seeds never: then grants are used up.
      const i = seed % 3 === 0 || below(12) > 0 ? 0 : 1
      const what = below(10)
      // Often nobody waits for a moment.
      if (what < 3 && calls - play.had.length < 6) {
        const stop = new AbortController()
        stops.push(stop)
        for (let n = 1 + below(i === 0 ? 5 : 2); n > 0; n--, calls++) {
          clients[i]!.locks.mutex('a', { wait: Infinity })
            .acquire(below(5) === 0 ? { signal: stop.signal } : {})
            .then(
              (lock) => {
                ids.set(clients[i]!.locks, lock.owner.split('.')[0]!)
                play.had.push({ who: String(i), lock })
              },
              () => calls--,
            )
        }
      } else if (what === 3) stops.at(below(stops.length) - 1)?.abort()
      else if (what === 4) await play.world.advance(below(20))
      else if (play.had.length > held && play.had.at(-1)!.lock.isHeld) {
        held = play.had.length
        void play.had.at(-1)!.lock.release()
      }
      await play.world.advance()
      expect(play.believers).toBeLessThan(2)
      look()
    }
    for (const stop of stops) stop.abort()
    await play.world.advance()
    await play.finish(calls)
  })
})
