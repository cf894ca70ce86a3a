import { hostname } from 'node:os'
import assert from 'node:assert/strict'
import type { HoldfastError } from '../../base/errors.js'
import type { Lock } from '../../locks/lock.js'
import { aborted, code, waiting, type Bench, type Case } from './bench.js'

/** The mutex, and what one may do about a name. */
export const MUTEX: Readonly<Record<string, Case>> = {
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
    await assert.rejects(b.mutex(name).acquire({ wait: 250 }), held('ERR_TIMEOUT'))
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
  'waiters are served in the order of arrival, by push': async ({ a, b, name, ordered }) => {
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
    if (!ordered) order.sort((x, y) => x - y)
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
    // Of several servers a minority may not have been reached yet.
    const longer = async (): Promise<boolean> =>
      (await b.inspect(name)).holders[0]!.remaining! > 20_000
    for (let tries = 0; tries < 100 && !(await longer());) tries++
    assert.ok(await longer())
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
    const lock: Lock = await a.mutex(name, { ttl: 1500 }).acquire()
    const wait = b.mutex(name).acquire()
    await waiting(a, name, 1)
    const { freed, asked } = await b.forceRelease(name)
    assert.deepEqual({ freed, asked }, { freed: false, asked: 1 })
    const next = await wait
    assert.ok(next.fence > lock.fence)
    assert.equal(((await aborted(lock.signal)) as HoldfastError).reason, 'forced')
  },
  'a holder is asked to let go, and holds on until it does': async ({ a, b, name }) => {
    const lock = await a.mutex(name).acquire()
    assert.deepEqual(await b.revoke(name, { reason: 'please' }), { asked: 1 })
    await lock.verify()
    const told = (await aborted(lock.revoked)) as HoldfastError
    assert.equal(told.code, 'ERR_REVOKED')
    const { pid } = process
    assert.deepEqual(told.by, { label: 'b', host: hostname(), pid, reason: 'please' })
    lock.assertHeld()
    assert.equal(await b.mutex(name).tryAcquire(), null)
    assert.deepEqual(await lock.release(), { released: true })
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

export async function forgetful(
  { a, b, name }: Bench,
  flush: () => Promise<unknown>,
): Promise<void> {
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
