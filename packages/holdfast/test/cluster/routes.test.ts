import { expect, test } from 'vitest'
import { systemRuntime, type Runtime } from '../../src/base/runtime.js'
import type { Port } from '../../src/clients/port.js'
import { Holdfast, type Lock } from '../../src/index.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { slotOf } from '../../src/kernel/names.js'

interface Sent {
  readonly what: string
  /** The number of the server that got it. */
  readonly at: number
  readonly said: unknown
}

/** Servers that share the slots evenly, in order; what has no key goes to the first. */
class Shards {
  readonly servers: MemoryServer[]
  readonly moved = new Map<number, number>()
  /** Servers that do not answer. */
  readonly dead = new Set<number>()
  readonly log: Sent[] = []

  constructor(count: number) {
    this.servers = Array.from({ length: count }, () => new MemoryServer())
  }

  of(slot: number): number {
    return this.moved.get(slot) ?? Math.floor((slot * this.servers.length) / 16384)
  }

  port(): Port {
    return {
      kind: 'shards',
      cluster: true,
      ready: true,
      onReady: () => () => undefined,
      run: async (script, keys, args) => {
        await Promise.resolve()
        const at = keys[0] === undefined ? 0 : this.of(slotOf(keys[0]))
        if (this.dead.has(at)) return new Promise<never>(() => {})
        const reply = this.servers[at]!.execute(script.name, keys, args)
        const [, , , item] = reply as unknown as [string, string, string, [string] | undefined]
        this.log.push({ what: script.name, at, said: item?.[0] })
        return reply
      },
      subscribe: async () => ({ close: async () => undefined }),
      close: async () => undefined,
    }
  }

  /** What was sent since the last look. */
  sent(): string[] {
    return this.log.splice(0).map(({ what, at, said }) => `${what}@${at} ${String(said)}`)
  }

  /** A name of this server's. */
  name(at: number, text: string): string {
    for (let i = 0; ; i++) {
      const name = `${text}${i}`
      if (this.of(slotOf(`lock:${name}`)) === at) return name
    }
  }
}

const acquire = (locks: Holdfast, name: string): Promise<Lock> =>
  locks.mutex(name, { renew: false }).acquire()

test('a first request says hello to the server that will get it', async () => {
  const shards = new Shards(3)
  const locks = new Holdfast(shards.port(), { checkEviction: false })
  await acquire(locks, shards.name(2, 'a'))
  expect(shards.sent()).toEqual(['hello@2 undefined', 'acquire@2 granted'])
})

test('the next slot is expected where the nearest known one is; a wrong guess is late, once', async () => {
  const shards = new Shards(2)
  const locks = new Holdfast(shards.port(), { checkEviction: false })
  const [here, there] = [shards.name(0, 'a'), shards.name(1, 'b')]
  await acquire(locks, here)
  shards.sent()
  await acquire(locks, shards.name(0, 'c'))
  expect(shards.sent()).toEqual(['acquire@0 granted'])
  const lock = await acquire(locks, there)
  expect(shards.sent()).toEqual(['acquire@1 late', 'acquire@1 granted'])
  await lock.extend(10_000)
  await acquire(locks, shards.name(0, 'd'))
  await acquire(locks, shards.name(1, 'e'))
  const late = shards.log.filter(({ said }) => said === 'late')
  expect(late.length).toBeLessThanOrEqual(1)
})

test('renewals on several servers are each for the run of their own', async () => {
  const shards = new Shards(3)
  const locks = new Holdfast(shards.port(), { checkEviction: false })
  const all: Lock[] = []
  for (const at of [0, 1, 2]) all.push(await acquire(locks, shards.name(at, 'a')))
  shards.sent()
  for (let i = 0; i < 2; i++) await Promise.all(all.map((lock) => lock.extend(10_000)))
  const expected = [0, 1, 2, 0, 1, 2].map((at) => `renew@${at} renewed`)
  expect(shards.sent()).toEqual(expected)
})

test('a slot that moved costs one round trip, once, and the others none', async () => {
  const shards = new Shards(2)
  const locks = new Holdfast(shards.port(), { checkEviction: false })
  const name = shards.name(0, 'a')
  const stays = await acquire(locks, shards.name(0, 'b'))
  await acquire(locks, shards.name(1, 'c'))
  const slot = slotOf(`lock:${name}`)
  await (await acquire(locks, name)).release()
  shards.moved.set(slot, 1)
  shards.sent()
  await (await acquire(locks, name)).release()
  const sent = ['acquire@1 late', 'acquire@1 granted', 'release@1 released']
  expect(shards.sent()).toEqual(sent)
  await (await acquire(locks, name)).release()
  expect(shards.sent()).toEqual(sent.slice(1))
  await stays.extend(10_000)
  expect(shards.sent()).toEqual(['renew@0 renewed'])
})

test('a cluster of more servers than are usually kept: each is greeted once', async () => {
  const shards = new Shards(100)
  const locks = new Holdfast(shards.port(), { checkEviction: false })
  const names = shards.servers.map((_, at) => shards.name(at, 'a'))
  for (const name of names) await (await acquire(locks, name)).release()
  shards.sent()
  for (const name of names) await (await acquire(locks, name)).release()
  expect(shards.log.filter(({ what, said }) => what === 'hello' || said === 'late')).toEqual([])
})

/** Forgets what it knows of the clocks when it is told to. */
function forgetful(): Runtime & { forget(): void } {
  let ahead = 0
  return {
    ...systemRuntime,
    wall: () => systemRuntime.wall() + ahead,
    forget: () => void (ahead += 100),
  }
}

test('a server that is dead fails no request for another one, whose hello is due too', async () => {
  const shards = new Shards(2)
  const runtime = forgetful()
  const locks = new Holdfast(shards.port(), { checkEviction: false, runtime })
  const known = shards.name(0, 'a')
  await (await acquire(locks, known)).release()
  shards.dead.add(1)
  runtime.forget()
  // Where its slot is nobody knows: the nearest known one is the other server's.
  const results = await Promise.allSettled([
    locks.mutex(shards.name(1, 'b')).tryAcquire(),
    locks.mutex(known).tryAcquire(),
    locks.mutex(shards.name(0, 'c')).tryAcquire(),
  ])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
})

test('nor does one that had the slot before', async () => {
  const shards = new Shards(2)
  const runtime = forgetful()
  const locks = new Holdfast(shards.port(), { checkEviction: false, runtime })
  const [stays, goes] = [shards.name(1, 'a'), shards.name(1, 'b')]
  for (const name of [stays, goes]) await (await acquire(locks, name)).release()
  shards.dead.add(1)
  shards.moved.set(slotOf(`lock:${goes}`), 0)
  runtime.forget()
  const results = await Promise.allSettled([
    locks.mutex(stays).tryAcquire(),
    locks.mutex(goes).tryAcquire(),
  ])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})

test('names of one server say hello to it once, when they are asked for together', async () => {
  const shards = new Shards(2)
  const runtime = forgetful()
  const locks = new Holdfast(shards.port(), { checkEviction: false, runtime })
  const names = ['a', 'b', 'c'].map((text) => shards.name(1, text))
  for (const name of names) await (await acquire(locks, name)).release()
  runtime.forget()
  shards.sent()
  for (const name of names) void acquire(locks, name)
  await expect.poll(() => shards.log.length).toBe(4)
  expect(shards.sent().filter((what) => what.startsWith('hello'))).toHaveLength(1)
})

test('CROSSSLOT, should it ever come, is ERR_CONFIG at once, for whoever waits too', async () => {
  const said = new Error("CROSSSLOT Keys in request don't hash to the same slot")
  const port: Port = { ...new Shards(2).port(), run: () => Promise.reject(said) }
  const locks = new Holdfast(port, { checkEviction: false })
  const refused = { code: 'ERR_CONFIG', lock: 'a', cause: said }
  for (const wait of [0, 60_000]) {
    await expect(locks.mutex('a').acquire({ wait })).rejects.toMatchObject(refused)
  }
  await expect(locks.inspect('a')).rejects.toMatchObject({ code: 'ERR_CONFIG' })
})

test('list says so where the client does not name its servers', async () => {
  const locks = new Holdfast(new Shards(2).port(), { checkEviction: false })
  const looked = locks.list('*').next()
  await expect(looked).rejects.toMatchObject({ code: 'ERR_CONFIG' })
})

test('list has one time limit for all that a step takes', async () => {
  const port = new Shards(1).port()
  const slow = (ms: number): Port => {
    const later = (): Promise<void> => new Promise((done) => setTimeout(done, ms))
    const one: Port = {
      ...port,
      run: (...call) => later().then(() => port.run(...call)),
      nodes: () => later().then(() => [one]),
    }
    return one
  }
  // 500 ms.
  await expect(new Holdfast(slow(350)).list().next()).rejects.toMatchObject({
    code: 'ERR_UNAVAILABLE',
  })
  expect(await new Holdfast(slow(50)).list().next()).toMatchObject({ done: true })
})
