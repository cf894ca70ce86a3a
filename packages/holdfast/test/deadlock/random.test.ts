// Random nesting of every kind of lock, under virtual time. A failure prints the seed of its world.
import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import type { Holdfast, HoldfastEvents, HoldfastError } from '../../src/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { World } from '../kit/world.js'
import { stuckForEver } from './truth.js'

const NAMES = ['n0', 'n1', 'n2', 'n3']

interface Result {
  readonly error?: HoldfastError
  readonly depth: number
}

/** Some contexts in some processes, which share names with each other and with nobody else. */
class Group {
  readonly prefix: string
  readonly #w: World
  readonly #random: ManualClock
  readonly #clients: Holdfast[]
  readonly results: Result[] = []
  pending = 0
  /** Long, where nothing gets lost: fewer renewals to play. */
  readonly ttl: number

  constructor(w: World, random: ManualClock, number: number, ttl: number) {
    this.ttl = ttl
    this.#w = w
    this.#random = random
    this.prefix = `run${number}:`
    this.#clients = Array.from(
      { length: 1 + this.int(3) },
      () => w.client({}, { prefix: this.prefix }).locks,
    )
  }

  int(below: number): number {
    return Math.floor(this.#random.random() * below)
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#w.clock.setTimer(resolve, ms))
  }

  /** Takes the names one inside of the other; each is of a kind of its own. */
  async context(label: string, order: readonly string[], impatient: boolean): Promise<void> {
    const locks = this.#clients[this.int(this.#clients.length)]!
    let depth = 0
    const inside = async (names: readonly string[]): Promise<void> => {
      await this.pause(this.int(1500))
      const [name, ...rest] = names
      if (name === undefined) return
      const wait = impatient && this.int(4) === 0 ? 500 + this.int(6000) : Infinity
      const options = { label, wait, ttl: this.ttl }
      const go = async (): Promise<void> => {
        depth++
        await inside(rest)
      }
      const kind = Number(name.slice(1)) % 3
      if (kind === 0) return locks.mutex(name, options).use(go)
      if (kind === 1) {
        const sides = locks.readWrite(name, options)
        return (this.int(2) === 0 ? sides.read() : sides.write()).use(go)
      }
      const semaphore = locks.semaphore(name, { ...options, limit: 2 })
      return semaphore.use(go, { permits: 1 + this.int(2) })
    }
    this.pending++
    try {
      await inside(order)
      this.results.push({ depth })
    } catch (error) {
      this.results.push({ error: error as HoldfastError, depth })
    }
    this.pending--
  }

  names(count: number): string[] {
    const left = [...NAMES]
    return Array.from({ length: count }, () => left.splice(this.int(left.length), 1)[0]!)
  }
}

interface Played {
  readonly groups: readonly Group[]
  readonly deadlocks: readonly HoldfastEvents['holdfast:deadlock'][]
  readonly w: World
  /** Victims that would have gone on by themselves. */
  readonly wrong: readonly string[]
}

/** Questions and answers of the search come late, get lost or come twice; so do grants. */
function disturb(w: World, random: ManualClock): void {
  for (const what of ['edge', 'waits']) {
    for (const direction of ['request', 'reply'] as const) {
      const some = (part: number) => () => random.random() < part
      w.net.drop(direction, what, { times: Infinity, when: some(0.05) })
      w.net.delay(direction, what, 40, { times: Infinity, when: some(0.3) })
      w.net.delay(direction, what, 300, { times: Infinity, when: some(0.1) })
    }
    w.net.double('request', what, { times: Infinity, when: () => random.random() < 0.1 })
  }
  w.net.drop('push', 'grant', { times: Infinity, when: () => random.random() < 0.2 })
}

async function play(
  seed: number,
  count: number,
  ordered: boolean,
  disturbed = false,
): Promise<Played> {
  const w = new World()
  const random = new ManualClock({ seed })
  if (disturbed) disturb(w, random)
  const deadlocks: HoldfastEvents['holdfast:deadlock'][] = []
  const wrong: string[] = []
  const groups = Array.from(
    { length: count },
    (_, i) => new Group(w, random, i, disturbed ? 20_000 : 60_000),
  )
  const listen = (message: unknown): void => {
    const event = message as HoldfastEvents['holdfast:deadlock']
    deadlocks.push(event)
    // Told before the wait is given up: what the server has is what there was.
    const { label = '' } = event.cycle[0]!
    const { prefix } = groups[Number(label.split('/')[0])]!
    if (!stuckForEver(w, prefix, NAMES).has(label)) wrong.push(label)
  }
  channel('holdfast:deadlock').subscribe(listen)
  for (const [g, group] of groups.entries()) {
    const contexts = 3 + group.int(2)
    for (let i = 0; i < contexts; i++) {
      const names = group.names(2 + group.int(2))
      void group.context(`${g}/${i}`, ordered ? names.toSorted() : names, ordered)
    }
  }
  for (let s = 0; s < 300 && groups.some(({ pending }) => pending > 0); s++) await w.advance(1000)
  channel('holdfast:deadlock').unsubscribe(listen)
  return { w, groups, deadlocks, wrong }
}

const errors = ({ groups }: Played): string[] =>
  groups.flatMap(({ results }) => results.flatMap(({ error }) => (error ? [error.code] : [])))

test('1,000 random runs in one order of names: no DeadlockError', { timeout: 60_000 }, async () => {
  let waits = 0
  let edges = 0
  for (let seed = 1; seed <= 50; seed++) {
    const played = await play(seed, 20, true)
    const { groups, deadlocks, w } = played
    expect([seed, groups.reduce((sum, { pending }) => sum + pending, 0)]).toEqual([seed, 0])
    expect([seed, ...new Set([...errors(played), 'ERR_TIMEOUT'])]).toEqual([seed, 'ERR_TIMEOUT'])
    expect(deadlocks).toEqual([])
    expect(w.left()).toEqual([])
    edges += w.net.count('edge')
    waits += w.net.count('waits')
  }
  // They did look, and had something to look at.
  expect(edges).toBeGreaterThan(300)
  expect(waits).toBeGreaterThan(300)
})

test.each([false, true])(
  'random runs in any order: all get free, and none ends that could go on; disturbed: %s',
  { timeout: 60_000 },
  async (disturbed) => {
    let victims = 0
    for (let seed = 1; seed <= 5; seed++) {
      const played = await play(1000 + seed, 40, false, disturbed)
      const { groups, deadlocks, wrong, w } = played
      expect([seed, groups.reduce((sum, { pending }) => sum + pending, 0)]).toEqual([seed, 0])
      expect([seed, wrong]).toEqual([seed, []])
      expect(new Set(errors(played))).toEqual(new Set(['ERR_DEADLOCK']))
      expect(errors(played)).toHaveLength(deadlocks.length)
      expect(w.left()).toEqual([])
      victims += deadlocks.length
    }
    expect(victims).toBeGreaterThan(100)
  },
)

test('random rings, with others behind them: one victim each', { timeout: 60_000 }, async () => {
  const w = new World()
  const random = new ManualClock({ seed: 7 })
  const int = (below: number): number => Math.floor(random.random() * below)
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => w.clock.setTimer(resolve, ms))
  const rings = Array.from({ length: 60 }, (_, r) => {
    const count = 2 + int(5)
    const locks = Array.from({ length: 1 + int(count) }, () => w.client().locks)
    const outcomes = { victims: 0, done: 0, count: count + 2 }
    const one = async (own: string, next: string, before: number): Promise<void> => {
      const client = locks[int(locks.length)]!
      const later = 1000 + int(int(2) === 0 ? 3 : 2500)
      await pause(before)
      const options = { wait: Infinity, label: own }
      const call = client.mutex(own, options).use(async () => {
        await pause(later)
        return client.mutex(next, options).use(() => pause(20))
      })
      await call.then(
        () => outcomes.done++,
        () => outcomes.victims++,
      )
    }
    for (let i = 0; i < count; i++) void one(`${r}/${i}`, `${r}/${(i + 1) % count}`, 0)
    for (let i = 0; i < 2; i++) void one(`${r}/behind${i}`, `${r}/${int(count)}`, int(3000))
    return outcomes
  })
  await w.advance(30_000)
  for (const [r, { victims, done, count }] of rings.entries()) {
    expect({ r, victims, done }).toEqual({ r, victims: 1, done: count - 1 })
  }
  expect(w.left()).toEqual([])
})
