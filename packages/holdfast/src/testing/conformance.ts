import assert from 'node:assert/strict'
import type { HoldfastError } from '../base/errors.js'
import type { Port, Reply } from '../clients/port.js'
import { recognise, type Client } from '../clients/recognise.js'
import { keysOf } from '../kernel/names.js'
import { acquireFields, channelOf, decodePush, PROTOCOL } from '../kernel/protocol.js'
import { scripts } from '../kernel/scripts.gen.js'
import { Holdfast } from '../locks/holdfast.js'
import type { Lock } from '../locks/lock.js'

/** What the suite is run on. */
export interface ConformanceTarget {
  /**
   * Opens a connection of its own to the one server on which all cases run: a client that Holdfast
   * knows, or a Port of yours. Two of them must see each other's locks.
   */
  open(): Promise<{ client: Client | Port; close: () => Promise<unknown> }>
  /** Makes the server forget its scripts; without it that case is left out. */
  readonly flushScripts?: () => Promise<unknown>
}

/** One case: rejects with an AssertionError when it does not hold. */
export interface ConformanceCase {
  readonly name: string
  readonly run: () => Promise<void>
}

interface Bench {
  /** Two Holdfasts with a connection each, and a name that nobody else uses. */
  readonly a: Holdfast
  readonly b: Holdfast
  readonly name: string
}

type Case = (bench: Bench) => Promise<void>

let serial = 0

/**
 * The conformance suite: what every server and every client adapter must do, as plain functions for
 * any test runner. They take some seconds of real time together, and may run side by side.
 *
 * ```ts
 * for (const { name, run } of conformance({ open })) test(name, run)
 * ```
 */
export function conformance(target: ConformanceTarget): ConformanceCase[] {
  const all: ConformanceCase[] = Object.entries(LOCKS).map(([name, test]) => ({
    name,
    run: () => withBench(target, test),
  }))
  all.push({ name: 'a script is idempotent, and answers strings', run: () => rawScript(target) })
  all.push({ name: 'a message arrives on the channel it was sent to', run: () => rawPush(target) })
  const flush = target.flushScripts
  if (flush) {
    all.push({
      name: 'a server that forgot its scripts is no error',
      run: () => withBench(target, (bench) => forgetful(bench, flush)),
    })
  }
  return all
}

async function withBench(target: ConformanceTarget, test: Case): Promise<void> {
  const [first, second] = await Promise.all([target.open(), target.open()])
  const a = new Holdfast(first.client, { label: 'a' })
  const b = new Holdfast(second.client, { label: 'b' })
  try {
    await test({ a, b, name: uniqueName() })
  } finally {
    await Promise.all([a.close(), b.close()])
    await Promise.all([first.close(), second.close()])
  }
}

function uniqueName(): string {
  return `conformance:${process.pid}:${Date.now()}:${++serial}`
}

/** Resolves once so many wait for the name. */
async function waiting(locks: Holdfast, name: string, count: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await locks.inspect(name)).waiterCount === count) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.fail(`${count} waiters were expected, but ${JSON.stringify(await locks.inspect(name))}`)
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}

const code = (expected: string) => (error: HoldfastError) => error.code === expected

const LOCKS: Record<string, Case> = {
  'one holder at a time': async ({ a, b, name }) => {
    const lock = await a.mutex(name).acquire()
    assert.equal(await b.mutex(name).tryAcquire(), null)
    assert.deepEqual(await lock.release(), { released: true })
    const next = await b.mutex(name).tryAcquire()
    assert.ok(next)
    assert.equal(await a.mutex(name).tryAcquire(), null)
  },
  'names do not disturb each other': async ({ a, b, name }) => {
    const odd = ['{x}', '}', '{', '{}', 'ü 字 🔒', ' ', '\n', '*?[a]', 'a:b']
    const held = await Promise.all(odd.map((o) => a.mutex(name + o).acquire({ wait: 0 })))
    for (const o of odd) assert.equal(await b.mutex(name + o).tryAcquire(), null)
    for (const lock of held) assert.deepEqual(await lock.release(), { released: true })
    for (const o of odd) assert.ok(await b.mutex(name + o).tryAcquire())
  },
  'taken and timed out say who holds': async ({ a, b, name }) => {
    const lock = await a.mutex(name).acquire()
    const held = (expected: string) => (error: HoldfastError) =>
      error.code === expected && error.holder?.label === 'a' && error.remaining! > 5000
    await assert.rejects(b.mutex(name).acquire({ wait: 0 }), held('ERR_TAKEN'))
    await assert.rejects(b.mutex(name).acquire({ wait: 60 }), held('ERR_TIMEOUT'))
    await waiting(a, name, 0)
    lock.assertHeld()
  },
  'an aborted wait leaves no place in the line': async ({ a, b, name }) => {
    await a.mutex(name).acquire()
    const controller = new AbortController()
    const wait = b.mutex(name).acquire({ signal: controller.signal })
    await waiting(a, name, 1)
    controller.abort('enough')
    await assert.rejects(wait, (reason) => reason === 'enough')
    await waiting(a, name, 0)
  },
  'waiters are served in the order of arrival, by push': async ({ a, b, name }) => {
    const lock = await a.mutex(name).acquire()
    const order: number[] = []
    const waits: Promise<unknown>[] = []
    for (let i = 0; i < 6; i++) {
      const locks = i % 2 ? a : b
      waits.push(locks.mutex(name).use(() => order.push(i)))
      await waiting(a, name, i + 1)
    }
    await lock.release()
    await Promise.all(waits)
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5])
  },
  'fencing tokens rise, by grant, by hand-over and across expiry': async ({ a, b, name }) => {
    const fences: number[] = []
    const first = await a.mutex(name).acquire()
    fences.push(first.fence)
    const wait = b.mutex(name).acquire()
    await waiting(a, name, 1)
    await first.release()
    const second = await wait
    fences.push(second.fence)
    await second.release()
    const third = await a.mutex(name, { ttl: 60, renew: false }).acquire()
    fences.push(third.fence)
    await aborted(third.signal)
    fences.push((await b.mutex(name).acquire()).fence)
    for (const fence of fences) assert.ok(Number.isSafeInteger(fence))
    assert.deepEqual(
      [...new Set(fences)].toSorted((x, y) => x - y),
      fences,
    )
  },
  'a lease is renewed, and ends when it is not': async ({ a, b, name }) => {
    // Long enough for a machine that is busy with other things when the renewal is due.
    const renewed = await a.mutex(name, { ttl: 900 }).acquire()
    const left = await a.mutex(`${name}:2`, { ttl: 900, renew: false }).acquire()
    const reason = (await aborted(left.signal)) as HoldfastError
    assert.equal(reason.code, 'ERR_LOST')
    assert.throws(() => left.assertHeld(), code('ERR_LOST'))
    assert.ok(await b.mutex(`${name}:2`).acquire())
    renewed.assertHeld()
    assert.equal(await b.mutex(name).tryAcquire(), null)
    assert.deepEqual(await left.release(), { released: false, reason: 'lost' })
  },
  'a waiter outlives a holder that vanished': async ({ a, b, name }) => {
    const dead = await a.mutex(name, { ttl: 200, renew: false }).acquire()
    const lock = await b.mutex(name).acquire({ wait: 5000 })
    assert.ok(lock.fence > dead.fence)
    lock.assertHeld()
  },
  'extend and verify speak for the server': async ({ a, b, name }) => {
    const lock = await a.mutex(name, { ttl: 2000, renew: false }).acquire()
    await lock.extend('30s')
    assert.ok(lock.validFor > 20_000)
    assert.ok((await b.inspect(name)).holders[0]!.remaining! > 20_000)
    await lock.verify()
    await b.forceRelease(name, { now: true })
    await assert.rejects(lock.verify(), code('ERR_LOST'))
  },
  'use releases, and the own error wins': async ({ a, b, name }) => {
    assert.equal(await a.mutex(name).use(() => 42), 42)
    const own = new Error('own')
    await assert.rejects(
      a.mutex(name).use(() => Promise.reject(own)),
      (error) => error === own,
    )
    assert.deepEqual(await b.mutex(name).tryUse(() => 'ran'), { ran: true, result: 'ran' })
  },
  'inspect and list see holders and waiters': async ({ a, b, name }) => {
    const lock = await a.mutex(name, { label: 'payroll' }).acquire()
    const wait = b.mutex(name).acquire()
    await waiting(a, name, 1)
    const state = await b.inspect(name)
    assert.equal(state.holders[0]?.label, 'payroll')
    assert.equal(state.holders[0]?.fence, lock.fence)
    assert.equal(state.waiters[0]?.label, 'b')
    const listed: string[] = []
    for await (const found of a.list(`${name}*`)) listed.push(found.name)
    assert.deepEqual(listed, [name])
    await lock.release()
    await (await wait).release()
    assert.equal((await b.inspect(name)).holderCount, 0)
  },
  'a forced holder lets go, and the next one follows': async ({ a, b, name }) => {
    const lock: Lock = await a.mutex(name, { ttl: 1000 }).acquire()
    const wait = b.mutex(name).acquire()
    await waiting(a, name, 1)
    const { freed, asked } = await b.forceRelease(name)
    assert.deepEqual({ freed, asked }, { freed: false, asked: 1 })
    const next = await wait
    assert.ok(next.fence > lock.fence)
    assert.equal(((await aborted(lock.signal)) as HoldfastError).reason, 'forced')
  },
  'a semaphore of one is a mutex': async ({ a, b, name }) => {
    const one = { limit: 1 }
    const lock = await a.semaphore(name, one).acquire()
    assert.equal(await b.semaphore(name, one).tryAcquire(), null)
    assert.equal(await b.mutex(name).tryAcquire(), null)
    const wait = b.semaphore(name, one).acquire()
    await waiting(a, name, 1)
    assert.deepEqual(await lock.release(), { released: true })
    const next = await wait
    assert.ok(next.fence > lock.fence)
    await next.release()
    assert.ok(await a.mutex(name).tryAcquire())
    assert.equal(await b.semaphore(name, one).tryAcquire(), null)
  },
  'a semaphore of five, four of them taken': async ({ a, b, name }) => {
    const semaphore = b.semaphore(name, { limit: 5 })
    const lock = await a.semaphore(name, { limit: 5 }).acquire({ permits: 4 })
    assert.equal(await semaphore.tryAcquire({ permits: 2 }), null)
    const one = await semaphore.acquire({ wait: 0 })
    const full = { limit: 5, used: 5, available: 0, waiting: 0 }
    assert.deepEqual(await semaphore.available(), full)
    await assert.rejects(a.semaphore(name, { limit: 6 }).tryAcquire(), code('ERR_CONFIG'))
    const waits = [3, 1, 1].map((permits) => semaphore.acquire({ permits, wait: 10_000 }))
    await waiting(a, name, 3)
    await lock.release()
    const [three, ...rest] = await Promise.all(waits.slice(0, 2))
    assert.equal((await semaphore.resize(6)).limit, 6)
    rest.push((await waits[2])!)
    for (const held of [one, three!, ...rest])
      assert.deepEqual(await held.release(), { released: true })
    assert.equal((await a.inspect(name)).holderCount, 0)
  },
  'a holder is asked to let go, and holds on until it does': async ({ a, b, name }) => {
    const lock = await a.mutex(name).acquire()
    assert.deepEqual(await b.revoke(name, { reason: 'please' }), { asked: 1 })
    await lock.verify()
    const told = (await aborted(lock.revoked)) as HoldfastError
    assert.equal(told.code, 'ERR_REVOKED')
    assert.deepEqual(told.by, { label: 'b', reason: 'please' })
    lock.assertHeld()
    assert.equal(await b.mutex(name).tryAcquire(), null)
    assert.deepEqual(await lock.release(), { released: true })
  },
  'an election has one leader, then the next in line': async ({ a, b, name }) => {
    const first = await a.election(name).campaign()
    const wait = b.election(name).campaign()
    await waiting(a, name, 1)
    assert.equal(await a.mutex(name).tryAcquire(), null)
    assert.deepEqual(await first.resign(), { released: true })
    const next = await wait
    assert.ok(next.fence > first.fence && next.isLeader && !first.isLeader)
    const given = new AbortController()
    const abandoned = a.election(name).campaign({ signal: given.signal })
    await waiting(b, name, 1)
    given.abort('enough')
    await assert.rejects(abandoned, (reason) => reason === 'enough')
    await waiting(b, name, 0)
    assert.deepEqual(await next.resign(), { released: true })
  },
  'leaders are observed, each once': async ({ a, b, name }) => {
    const seen: (string | null)[] = []
    const loop = b.election(name).observe()
    const look = async (): Promise<void> => {
      const { value } = await loop.next()
      seen.push(value?.owner ?? null)
    }
    await look()
    const first = await a.election(name).campaign()
    await look()
    const wait = b.election(name).campaign()
    await waiting(a, name, 1)
    await first.resign()
    const next = await wait
    await look()
    await next.resign()
    await look()
    assert.deepEqual(seen, [null, first.owner, next.owner, null])
    await loop.return!()
  },
  'close releases and cancels': async ({ a, b, name }) => {
    await a.mutex(name).acquire()
    const wait = a.mutex(name).acquire()
    const refused = assert.rejects(wait, code('ERR_CLOSED'))
    await waiting(b, name, 1)
    await a.close()
    await refused
    assert.ok(await b.mutex(name).acquire())
    await waiting(b, name, 0)
    assert.throws(() => a.mutex(name), code('ERR_CLOSED'))
  },
}

async function forgetful({ a, b, name }: Bench, flush: () => Promise<unknown>): Promise<void> {
  const lock = await a.mutex(name).acquire()
  const wait = b.mutex(name).acquire()
  await waiting(b, name, 1)
  await flush()
  await lock.verify()
  await flush()
  assert.deepEqual(await lock.release(), { released: true })
  await flush()
  assert.deepEqual(await (await wait).release(), { released: true })
}

async function rawScript(target: ConformanceTarget): Promise<void> {
  const { port, close } = await rawPort(target)
  try {
    const keys = keysOf(uniqueName(), 'lock:')
    const owner = `${'c'.repeat(32)}.1`
    const request = { mode: 'x', ttl: 5000, claim: 2000, info: 'ü' } as const
    const fields = acquireFields(owner, request, false, '', { ms: '', run: '' })
    const grants: Reply[] = []
    for (let i = 0; i < 2; i++) {
      const reply = await port.run(scripts.acquire, keys, [PROTOCOL, ...fields])
      assert.ok(Array.isArray(reply) && Array.isArray(reply[3]), JSON.stringify(reply))
      grants.push((reply[3] as Reply[]).slice(0, 2).map(String))
    }
    assert.equal((grants[0] as string[])[0], 'granted')
    assert.deepEqual(grants[0], grants[1])
    await port.run(scripts.release, keys, [PROTOCOL, owner])
  } finally {
    await close()
  }
}

async function rawPush(target: ConformanceTarget): Promise<void> {
  const { port, close } = await rawPort(target)
  try {
    const keys = keysOf(uniqueName(), 'lock:')
    const client = Array.from({ length: 4 }, () =>
      Math.floor(Math.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('')
    const messages: string[] = []
    let arrived = (): void => {}
    const message = new Promise<void>((resolve) => (arrived = resolve))
    const subscription = await port.subscribe(channelOf(client), {
      onMessage(text) {
        messages.push(text)
        arrived()
      },
      onGap() {},
    })
    const request = { mode: 'x', ttl: 5000, claim: 2000, info: '' } as const
    const none = { ms: '', run: '' }
    for (const n of [1, 2]) {
      const fields = acquireFields(`${client}.${n}`, request, n === 2, '', none)
      await port.run(scripts.acquire, keys, [PROTOCOL, ...fields])
    }
    await port.run(scripts.release, keys, [PROTOCOL, `${client}.1`])
    await message
    assert.equal(decodePush(messages[0]!)?.kind, 'grant')
    await subscription.close()
    await port.run(scripts.release, keys, [PROTOCOL, `${client}.2`])
  } finally {
    await close()
  }
}

/** The port behind a client, closed together with it. */
async function rawPort(
  target: ConformanceTarget,
): Promise<{ port: Port; close: () => Promise<void> }> {
  const { client, close } = await target.open()
  const port = recognise(client)
  return {
    port,
    close: async () => {
      await port.close()
      await close()
    },
  }
}
