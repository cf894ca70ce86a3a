import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { keysOf } from '../../src/kernel/names.js'
import type { ServerEngine } from '../../src/testing/index.js'
import { TestSentinel, type StartSentinelOptions } from '../kit/sentinel.js'
import { engines, Events, refusal, until } from '../real/kit.js'

const [K, , LINE] = keysOf('a', 'lock:')

let events: Events
beforeAll(() => {
  events = new Events()
})
afterAll(() => events.stop())

/** Servers of a test's own: they wait for failovers, and can do that together. */
class Stage {
  readonly group: TestSentinel
  readonly #open: Holdfast[] = []

  private constructor(group: TestSentinel) {
    this.group = group
  }

  static async start(options: StartSentinelOptions): Promise<Stage> {
    return new Stage(await TestSentinel.start(options))
  }

  locks(): Holdfast {
    const locks = new Holdfast(this.group.client(), { checkEviction: false })
    this.#open.push(locks)
    return locks
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((locks) => locks.close()))
    await this.group.stop()
  }
}

const renewed = async (owner: string): Promise<void> => {
  const count = (): number =>
    events.of('holdfast:renewed').filter((event) => event.owner === owner).length
  const before = count()
  await until(() => expect(count()).toBeGreaterThan(before), 15_000)
}
const waiting = (locks: Holdfast): Promise<void> =>
  until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))

describe.concurrent.each(engines as ServerEngine[])('a primary that fails, %s', (engine) => {
  test('a replica that had everything: holder and waiter go on with it', async () => {
    await using stage = await Stage.start({ engine })
    const { group } = stage
    const [primary, replica] = [group.servers[0]!, group.servers[1]!]
    const [one, other] = [stage.locks(), stage.locks()]
    const first = await one.mutex('a', { ttl: 12_000 }).acquire()
    const next = other.mutex('a', { wait: 60_000 }).acquire()
    await until(async () => expect(await group.admin(replica).zcard(LINE)).toBe(1))

    await primary.kill()
    await renewed(first.owner)
    expect(await group.replaced(primary)).toBe(replica)
    expect(first.signal.aborted).toBe(false)
    // The waiter has subscribed on the new one, and asked again.
    await first.release()
    const second = await next
    expect(second.fence).toBeGreaterThan(first.fence)
    const lost = events.of('holdfast:lost').map(({ owner }) => owner)
    expect(lost).not.toContain(first.owner)
    expect(lost).not.toContain(second.owner)
    await second.release()
    const left = await group.admin(replica).keys('*')
    expect(left.filter((key) => !key.includes(':hf:fence:'))).toEqual([])
  })

  test('a lease shorter than the failover: lost in time, calls end in time, and it recovers', async () => {
    await using stage = await Stage.start({ engine, sentinels: 1 })
    const { group } = stage
    const [primary] = group.servers
    const [one, other] = [stage.locks(), stage.locks()]
    const first = await one.mutex('a', { ttl: 400 }).acquire()
    await renewed(first.owner)
    const next = other.mutex('a', { wait: 60_000 }).acquire()
    await waiting(one)

    await primary!.kill()
    const trying = refusal(one.mutex('b').tryAcquire())
    const short = refusal(one.mutex('b', { wait: 200 }).acquire())
    expect(await trying).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    expect(await short).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await until(() => expect(first.signal.aborted).toBe(true))
    expect(first.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'expired' })
    expect(await first.release()).toMatchObject({ released: false })

    const second = await next
    expect(second.fence).toBeGreaterThan(first.fence)
    await second.release()
    await one.mutex('b').use(() => undefined)
  })

  test('a frozen primary: nobody gets the name before its holder knows that it is lost', async () => {
    await using stage = await Stage.start({ engine, sentinels: 1 })
    const { group } = stage
    const [primary] = group.servers
    const [one, other] = [stage.locks(), stage.locks()]
    const first = await one.mutex('a', { ttl: 800 }).acquire()
    await renewed(first.owner)
    const next = other.mutex('a', { wait: 60_000 }).acquire()
    await waiting(one)

    primary!.freeze()
    const third = await (async () => {
      await group.replaced(primary!)
      // Somebody who comes new, and so to the new primary.
      const lock = await stage.locks().mutex('a', { wait: 60_000 }).acquire()
      return { lock, firstLost: first.signal.aborted }
    })().finally(() => primary!.thaw())
    expect(third.firstLost).toBe(true)
    expect(third.lock.fence).toBeGreaterThan(first.fence)
    // Until the old one is told to follow it may grant what is free there; a token tells who is later.
    await third.lock.release()
    const second = await next
    expect(second.fence).toBeGreaterThan(third.lock.fence)
    await second.release()
  })

  test('a replica that lacked the lock: two believe in it until the first asks; tokens rise', async () => {
    await using stage = await Stage.start({ engine, sentinels: 1 })
    const { group } = stage
    const [primary, replica] = [group.servers[0]!, group.servers[1]!]
    const [one, other] = [stage.locks(), stage.locks()]
    await one.mutex('b').use(() => undefined)
    // The replica hears no more of its primary, which still takes writes.
    await group.admin(primary).call('ACL', 'SETUSER', 'default', '-psync', '-sync')
    await group.admin(primary).call('CLIENT', 'KILL', 'TYPE', 'replica')
    const first = await one.mutex('a', { ttl: 12_000 }).acquire()
    expect(await group.admin(replica).exists(K)).toBe(0)

    await primary.kill()
    const second = await other.mutex('a', { ttl: 30_000, wait: 60_000 }).acquire()
    expect(second.fence).toBeGreaterThan(first.fence)
    await until(() => expect(first.signal.aborted).toBe(true))
    expect(first.signal.reason).toMatchObject({ code: 'ERR_LOST', reason: 'gone' })
    expect(second.signal.aborted).toBe(false)
    await second.release()
  })
})
