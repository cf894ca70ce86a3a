// docs/costs.md, of several servers: every figure is counted, on simulated ones.
import { afterAll, describe, expect, test } from 'vitest'
import type { Holdfast, Taker } from '../../src/index.js'
import { Figures, LONG } from '../real/figures.js'
import { STRICT } from '../real/kit.js'
import { Servers } from './kit.js'

const figures = new Figures('on several servers')
const SERVERS = [3, 5] as const
// Within the quarantine of the default options.
const TERMS = { ...LONG, ttl: '50s', claim: '50s' } as const

/** Servers that count what comes and goes, and two or more clients that wait for nothing. */
class Bench extends Servers {
  readonly #column: string
  #messages = 0

  constructor(count: number) {
    super(count)
    this.#column = `of ${count}`
    for (const { server } of this.nets) {
      const publish = server.publish.bind(server)
      server.publish = (channel, message) => {
        this.#messages++
        return publish(channel, message)
      }
    }
  }

  /** Holdfasts that have said hello and have subscribed. */
  async warm(count: number): Promise<readonly Holdfast[]> {
    const others = [await this.started(STRICT)]
    while (others.length < count) others.push(this.client(STRICT))
    // From here on ballots are those of the clocks.
    await this.advance(60_000)
    const all = others.map(({ locks }) => locks)
    for (const [i, locks] of all.entries()) {
      const mutex = locks.mutex(`warm-up:${i}`)
      const held = await this.after(mutex.acquire())
      const wait = this.watch(mutex.acquire())
      await this.advance(100)
      await this.after(held.release())
      await this.after(wait.value.release())
    }
    return all
  }

  /** Does the work, and looks whether it has cost what the page says. */
  async costs<T>(row: string, work: () => Promise<T>): Promise<T> {
    const { commands, messages } = figures.cell(row, this.#column)
    const before = [this.count(), this.#messages] as const
    const result = await work()
    await this.advance(100)
    expect({
      row,
      commands: this.count() - before[0],
      messages: this.#messages - before[1],
    }).toEqual({ row, commands, messages })
    return result
  }
}

const kinds: readonly [string, (locks: Holdfast) => Taker][] = [
  ['mutex', (locks) => locks.mutex('a', TERMS)],
  ['read side', (locks) => locks.readWrite('a', TERMS).read()],
  ['write side', (locks) => locks.readWrite('a', TERMS).write()],
  ['permit', (locks) => locks.semaphore('a', { limit: 1, ...TERMS })],
]

describe.each(SERVERS)('%i servers', (count) => {
  test.each(kinds)('%s', async (kind, of) => {
    const w = new Bench(count)
    const [a, b, c] = await w.warm(3)
    const first = await w.costs('take, free', () => w.after(of(a!).acquire()))
    if (kind === 'read side') {
      const beside = await w.costs('take, free', () => w.after(of(b!).acquire()))
      await w.after(beside.release())
      await w.after(first.release())
      await w.after(b!.readWrite('a', TERMS).write().acquire())
    }
    await w.costs('be refused', () => w.after(of(c!).tryAcquire()))
    if (kind === 'read side') return
    const second = await w.costs('begin to wait', async () => w.watch(of(b!).acquire()))
    await w.costs('wait, idle for 10 s', () => w.advance(10_000))
    await w.costs('hand over to the only waiter', () => w.after(first.release()))
    const third = w.watch(of(c!).acquire())
    await w.advance(100)
    const fourth = w.watch(of(a!).acquire())
    await w.advance(100)
    const row = `hand over${kind === 'permit' ? ' a permit' : ''}, one more behind`
    await w.costs(row, () => w.after(second.value.release()))
    await w.costs('hand over to the only waiter', () => w.after(third.value.release()))
    await w.costs('release, nobody waits', () => w.after(fourth.value.release()))
    expect(w.left()).toEqual([])
  })

  test('renewals, turns and many at once', async () => {
    const w = new Bench(count)
    const [a, b] = await w.warm(2)
    const all = Array.from({ length: 40 }, (_, i) => a!.mutex(`m:${i}`, { ttl: '9s' }))
    const locks = await w.costs('take 40 mutexes at once', () =>
      w.after(Promise.all(all.map((mutex) => mutex.acquire()))),
    )
    await w.costs('renew 40 leases', () => w.advance(3000))
    await w.costs('`verify`, `extend`', () => w.after(locks[0]!.verify()))
    await w.costs('`verify`, `extend`', () => w.after(locks[0]!.extend('20s')))
    const token = await w.costs('`handOver`', () => w.after(locks[1]!.handOver()))
    await w.costs('`takeOver`', () => w.after(b!.takeOver(token)))
    const writer = await w.after(a!.readWrite('w', TERMS).write().acquire())
    await w.costs('`downgrade`, nobody waits', () => w.after(writer.downgrade()))
    const semaphore = a!.semaphore('s', { limit: 2, ...TERMS })
    await w.after(semaphore.acquire())
    await w.costs('`resize`, nobody waits', () => w.after(semaphore.resize(3)))
    const names = [a!.mutex('x', TERMS), a!.mutex('y', TERMS), a!.mutex('z', TERMS)]
    await w.costs('three names together', () => w.after(a!.all(names).acquire()))
  })

  test('what comes first, and once', async () => {
    const w = new Bench(count)
    const { locks } = w.client()
    await w.costs('`bootstrap()`, once', () => w.after(locks.bootstrap()))
    await w.costs('`bootstrap()`, again', () => w.after(locks.bootstrap()))
    // It has heard of no ballot, and those that count no more are ahead of the clocks now.
    await w.costs("a Holdfast's first ballot, if it is too small", () =>
      w.after(locks.mutex('a', TERMS).acquire()),
    )
    await w.after(locks.mutex('b', TERMS).acquire())
    const mutex = w.client().locks.mutex('b', TERMS)
    await w.costs("a Holdfast's first command: a hello to each, then the call", () =>
      w.after(mutex.tryAcquire()),
    )
    await w.costs("a Holdfast's first wait: refused, subscribed, in line", async () => {
      const wait = w.watch(mutex.acquire({ wait: 500 }))
      await w.advance(100)
      expect(wait.state).toBe('pending')
    })
    await w.costs('a wait that ends without the lock', () => w.advance(500))
  })
})

afterAll(() => expect(figures.left).toEqual([]))
