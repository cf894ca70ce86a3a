import { beforeEach, describe, expect, test } from 'vitest'
import { Holdfast, type HoldfastError } from '../../src/index.js'
import { Part } from '../../src/base/part.js'
import type { Port } from '../../src/clients/port.js'
import { memoryKernel } from '../../src/kernel/parts.js'
import { doctorPart, majority, more, works } from '../../src/locks/parts.js'
import { recognise } from '../../src/clients/recognise.js'

const parts: readonly Part<unknown>[] = [memoryKernel, works, majority, more, doctorPart]

beforeEach(() => {
  // As in a process that has asked for nothing yet.
  for (const part of parts) part.loaded = undefined
})

async function first(next: { next(): Promise<{ value: unknown }> }): Promise<unknown> {
  return (await next.next()).value
}

const noOwner = `${'0'.repeat(32)}.1`
const taken = { fence: expect.any(Number) }

/** Whatever a program calls first. */
const calls: Readonly<Record<string, [(locks: Holdfast) => Promise<unknown>, unknown]>> = {
  acquire: [(locks) => locks.mutex('a').acquire(), taken],
  tryAcquire: [(locks) => locks.mutex('a').tryAcquire(), taken],
  use: [(locks) => locks.mutex('a').use(() => 1), 1],
  tryUse: [(locks) => locks.mutex('a').tryUse(() => 1), { ran: true, result: 1 }],
  reentrant: [(locks) => locks.mutex('a', { reentrant: true }).use(() => 1), 1],
  owner: [(locks) => locks.mutex('a').acquire({ owner: locks.owner() }), taken],
  read: [
    (locks) =>
      locks
        .readWrite('a')
        .read()
        .use(() => 1),
    1,
  ],
  permits: [(locks) => locks.semaphore('a', { limit: 2 }).use(() => 1), 1],
  available: [(locks) => locks.semaphore('a', { limit: 2 }).available(), { available: 2 }],
  resize: [(locks) => locks.semaphore('a', { limit: 2 }).resize(3), { available: 3 }],
  all: [(locks) => locks.all(['a', 'b']).use(() => 1), 1],
  campaign: [(locks) => locks.election('a').campaign(), { isLeader: true }],
  observe: [(locks) => first(locks.election('a').observe()), null],
  request: [(locks) => locks.lockManager().request('a', () => 1), 1],
  query: [(locks) => locks.lockManager().query(), { held: [], pending: [] }],
  ping: [(locks) => locks.ping(), { server: { engine: 'memory' } }],
  doctor: [(locks) => locks.doctor(), expect.any(Array)],
  bootstrap: [(locks) => locks.bootstrap(), false],
  inspect: [(locks) => locks.inspect('a'), { holderCount: 0 }],
  list: [(locks) => first(locks.list()), { complete: true }],
  history: [(locks) => locks.history(), { entries: [], next: null }],
  watch: [(locks) => locks.watch().look(), { states: [], complete: true }],
  forceRelease: [(locks) => locks.forceRelease('a'), { freed: true }],
  deadlocks: [(locks) => locks.deadlocks(), []],
  revoke: [(locks) => locks.revoke('a'), { asked: 0 }],
  release: [(locks) => locks.release('a', noOwner), { released: false, reason: 'lost' }],
  renew: [(locks) => locks.renew('a', noOwner).catch(codeOf), 'ERR_LOST'],
  close: [(locks) => locks.close(), undefined],
}

/** Counts what it is asked, and answers nothing. */
class BarePort implements Port {
  readonly kind = 'bare'
  readonly ready = true
  asked = 0
  closed = 0

  onReady(): () => void {
    this.asked++
    return () => undefined
  }

  run(): Promise<never> {
    this.asked++
    return Promise.reject(new Error('asked'))
  }

  subscribe(): Promise<never> {
    return this.run()
  }

  async close(): Promise<void> {
    this.closed++
  }
}

const codeOf = (error: unknown): string => (error as HoldfastError).code

describe('what is called first loads what it needs', () => {
  test.for(Object.entries(calls))('%s', async ([, [call, result]]) => {
    const locks = Holdfast.inMemory()
    const given = await call(locks)
    if (typeof result === 'object' && result !== null && !Array.isArray(result)) {
      expect(given).toMatchObject(result)
    } else expect(given).toEqual(result)
    await locks.close()
  })
})

test('many first calls at once are served in their order', async () => {
  const locks = Holdfast.inMemory()
  const order: number[] = []
  const mutex = locks.mutex('a', { localHandovers: 0 })
  await Promise.all([1, 2, 3, 4].map((i) => mutex.use(() => order.push(i))))
  expect(order).toEqual([1, 2, 3, 4])
  await locks.close()
})

test('whatever they are made by, before it is loaded and after', async () => {
  const locks = Holdfast.inMemory()
  for (let round = 0; round < 2; round++) {
    const order: string[] = []
    const manager = locks.lockManager()
    const mutex = locks.mutex('a', { localHandovers: 0 })
    await Promise.all([
      manager.request('a', () => order.push('manager')),
      mutex.use(() => order.push('mutex')),
      manager.request('a', { mode: 'shared' }, () => order.push('shared')),
      locks
        .readWrite('a', { localHandovers: 0 })
        .write()
        .use(() => order.push('write')),
    ])
    expect(order).toEqual(['manager', 'mutex', 'shared', 'write'])
  }
  await locks.close()
})

test('who calls while they are woken comes after them', async () => {
  const locks = Holdfast.inMemory()
  const order: number[] = []
  const mutex = locks.mutex('a')
  const all = [mutex.use(() => order.push(0))]
  await works.load()
  for (let i = 1; i <= 20; i++) {
    all.push(mutex.use(() => order.push(i)))
    await Promise.resolve()
  }
  await Promise.all(all)
  expect(order).toEqual(Array.from({ length: 21 }, (_, i) => i))
  await locks.close()
})

test('a server in memory that is loaded slowly is none that does not answer', async () => {
  const part = new Part('The server in memory', async () => {
    await new Promise((resolve) => setTimeout(resolve, 120))
    return import('../../src/kernel/memory/port.js')
  })
  memoryKernel.load = async () => (memoryKernel.loaded = await part.load())
  try {
    const locks = Holdfast.inMemory({ nodeTimeout: 50 })
    expect(await locks.mutex('a').tryAcquire()).toMatchObject(taken)
    await locks.close()
  } finally {
    delete (memoryKernel as Partial<typeof memoryKernel>).load
  }
})

test('a lock that is taken after the first call waits for no part', async () => {
  const locks = Holdfast.inMemory()
  await locks.mutex('a').use(() => undefined)
  let loads = 0
  for (const part of parts) part.load = () => Promise.reject(new Error(`loaded ${++loads}`))
  try {
    await locks.mutex('b').use((lock) => lock.extend('1m'))
    const waiting = locks.all(['c', 'd']).use(() => 1)
    expect([await waiting, loads]).toEqual([1, 0])
  } finally {
    for (const part of parts) delete (part as Partial<Part<unknown>>).load
  }
  await locks.close()
})

test('close ends first calls that still load: nothing of them is sent', async () => {
  const port = new BarePort()
  const locks = new Holdfast(port)
  const waiting = locks.mutex('a').acquire().catch(codeOf)
  const both = locks.all(['a', 'b']).acquire().catch(codeOf)
  const looking = locks.inspect('a').catch(codeOf)
  await locks.close()
  expect([await waiting, await both, await looking]).toEqual(Array(3).fill('ERR_CLOSED'))
  expect([port.asked, port.closed]).toEqual([0, 1])
})

test('a port that nothing was asked of is closed all the same', async () => {
  const port = new BarePort()
  expect(recognise(port)).toBe(port)
  await new Holdfast(port).close()
  expect([port.asked, port.closed]).toEqual([0, 1])
})

test('a part that cannot be loaded is an error that says so, and the next call tries again', async () => {
  const locks = Holdfast.inMemory()
  const cause = new Error('ENOENT')
  let tries = 0
  const part = new Part('What takes and holds locks', async () => {
    if (tries++ === 0) throw cause
    return import('../../src/locks/works.js')
  })
  works.load = () => part.load()
  try {
    const taking = locks.mutex('a').acquire({ wait: '1h' })
    const error = await taking.catch((one: unknown) => one)
    expect(error).toMatchObject({ code: 'ERR_CONFIG', cause })
    expect(String(error)).toMatch(/What takes and holds locks could not be loaded/)
    expect(await locks.mutex('a').use(() => 1)).toBe(1)
  } finally {
    delete (works as Partial<typeof works>).load
  }
  await locks.close()
})

test('a signal that aborts meanwhile ends the call', async () => {
  const locks = Holdfast.inMemory()
  const stop = new AbortController()
  const waiting = locks
    .mutex('a')
    .acquire({ signal: stop.signal })
    .catch((one: unknown) => one)
  stop.abort('enough')
  expect(await waiting).toBe('enough')
  expect(await locks.inspect('a')).toMatchObject({ holderCount: 0, fence: 0 })
  await locks.close()
})
