// The second connection of every client: scripts and a WAIT that covers them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { acknowledging, type Acknowledged } from '../../src/clients/acknowledged.js'
import type { SubscriberEvents } from '../../src/clients/common.js'
import { kinds, otherKinds, script, type Made } from '../clients/kinds.js'
import { FaultProxy } from '../kit/proxy.js'
import { refusal, until } from '../real/kit.js'
import { Replicated } from './stage.js'

const set = script("redis.call('SET', KEYS[1], ARGV[1]); return {KEYS[1], 1}")
/** Of which a WAIT has half: longer than any stall of the machine. */
const PATIENCE = 20_000

let servers: Replicated
let proxy: FaultProxy
beforeAll(async () => {
  servers = await Replicated.start()
  proxy = await FaultProxy.start(servers.primary)
})
afterAll(async () => {
  await proxy.close()
  await servers[Symbol.asyncDispose]()
})

const connections = async (): Promise<number> =>
  String(await servers.admins.primary.client('LIST', 'TYPE', 'NORMAL'))
    .trim()
    .split('\n').length
const calls = async (command: string): Promise<number> => {
  const stats = await servers.admins.primary.info('commandstats')
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

const all = [kinds[0]!, kinds[2]!, ...otherKinds]
describe.each(all)('$name', (kind) => {
  const made: Made[] = []
  const connected = async (url = servers.primary.url): Promise<Made> => {
    const one = await kind.make(url)
    made.push(one)
    await one.connect()
    return one
  }
  afterEach(async () => {
    for (const one of made.splice(0)) {
      await one.port.close()
      one.end()
    }
    await proxy.heal()
    await servers.clean()
  })

  test('a script and its WAIT, on one more connection that ends with the port', async () => {
    const { admins } = servers
    await admins.primary.script('FLUSH')
    await admins.primary.config('RESETSTAT')
    const one = await connected()
    const before = await connections()
    const run = (value: string): Promise<unknown> =>
      one.port.runAcknowledged!(set, ['ключ'], [value], 1, PATIENCE)
    expect(await run('a')).toEqual({ reply: ['ключ', 1], replicas: 1 })
    expect(await admins.replica.get('ключ')).toBe('a')
    expect(await connections()).toBe(before + 1)
    // It was not known by its hash; from now on it is.
    expect([await calls('evalsha'), await calls('eval'), await calls('wait')]).toEqual([1, 1, 2])
    expect(await run('b')).toEqual({ reply: ['ключ', 1], replicas: 1 })
    expect([await calls('evalsha'), await calls('eval'), await calls('wait')]).toEqual([2, 1, 3])
    await one.port.close()
    await until(async () => expect(await connections()).toBe(before))
    expect(await one.ping()).toBe('PONG')
    expect(await refusal(run('c'))).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('what stands behind a WAIT goes together, with one WAIT', async () => {
    const { admins } = servers
    const one = await connected()
    const run = (key: string): Promise<unknown> =>
      one.port.runAcknowledged!(set, [key], ['v'], 1, PATIENCE)
    await run('first')
    await admins.primary.config('RESETSTAT')
    await Promise.all(['a', 'b', 'c', 'd'].map(run))
    expect([await calls('evalsha'), await calls('wait')]).toEqual([4, 2])
  })

  test('tells how few have it when half of the time is over', async () => {
    const one = await connected()
    await one.port.runAcknowledged!(set, ['a'], ['old'], 1, PATIENCE)
    servers.cut()
    const asked = one.port.runAcknowledged!(set, ['a'], ['new'], 1, 500)
    expect(await asked).toEqual({ reply: ['a', 1], replicas: 0 })
    await servers.mend()
    expect(await servers.admins.replica.get('a')).toBe('new')
  })

  test('a WAIT does not hold up the other connection', async () => {
    const one = await connected()
    await one.port.runAcknowledged!(set, ['a'], ['old'], 1, PATIENCE)
    servers.cut()
    const asked = one.port.runAcknowledged!(set, ['a'], ['new'], 1, PATIENCE)
    await until(async () => expect(await servers.admins.primary.get('a')).toBe('new'))
    const other = one.port.run(script('return 1'), ['a'], [])
    expect(await Promise.race([asked, other])).toBe(1)
    await servers.mend()
    expect(await asked).toEqual({ reply: ['a', 1], replicas: 1 })
  })

  test('the errors of a script, and of a WAIT that is not allowed', async () => {
    const one = await connected()
    await servers.admins.primary.set('text', 'x')
    const bad = script("return redis.call('HGET', KEYS[1], 'f')")
    const ask = (): Promise<unknown> => one.port.runAcknowledged!(bad, ['text'], [], 1, PATIENCE)
    expect(String(await refusal(ask()))).toContain('WRONGTYPE')
    await servers.admins.primary.acl('SETUSER', 'default', '-wait')
    try {
      const refused = one.port.runAcknowledged!(set, ['a'], ['v'], 1, PATIENCE)
      expect(String(await refusal(refused))).toMatch(/NOPERM|permission/)
    } finally {
      await servers.admins.primary.acl('SETUSER', 'default', '+wait')
    }
  })

  test.each([
    ['a WAIT does not count on another connection than its script', false],
    ['a script whose answer was lost is not sent again', true],
  ])('a connection breaks: %s', async (_what, unanswered) => {
    const one = await connected(proxy.url)
    const count = script("return redis.call('INCR', KEYS[1])")
    const run = (): Promise<unknown> => one.port.runAcknowledged!(count, ['n'], [], 1, PATIENCE)
    expect(await run()).toEqual({ reply: 1, replicas: 1 })
    servers.cut()
    if (unanswered) proxy.freeze('reply')
    const asked = refusal(run())
    await until(async () => expect(await servers.admins.primary.get('n')).toBe('2'))
    proxy.cut()
    proxy.resume('reply')
    expect(await asked).toBeInstanceOf(Error)
    await servers.mend()
    // It is there again by itself.
    expect(await run()).toEqual({ reply: 3, replicas: 1 })
  })
})

test('what is under way ends with its connection, whatever the client says afterwards', async () => {
  let told!: SubscriberEvents
  let answer!: (said: Acknowledged) => void
  const writes: number[] = []
  const second = acknowledging((events) => {
    told = events
    return {
      ready: true,
      start: () => undefined,
      subscribe: async () => undefined,
      unsubscribe: async () => undefined,
      pipeline: (calls) => {
        writes.push(calls.length)
        return new Promise((resolve) => (answer = resolve))
      },
      end: () => undefined,
    }
  })
  const ask = (): Promise<unknown> => second.run(set, ['a'], ['v'], 1, PATIENCE)
  const first = refusal(ask())
  const next = ask()
  expect(writes).toEqual([1])
  const late = answer
  told.ready()
  expect(String(await first)).toContain('The connection broke.')
  late({ replies: [{ status: 'fulfilled', value: 'late' }], replicas: 1 })
  await until(() => expect(writes).toEqual([1, 1]))
  answer({ replies: [{ status: 'fulfilled', value: 'v' }], replicas: 1 })
  expect(await next).toEqual({ reply: 'v', replicas: 1 })
  const ended = refusal(ask())
  told.ended(new Error('given up'))
  expect(String(await ended)).toContain('given up')
  const closed = refusal(ask())
  second.close()
  expect(await closed).toMatchObject({ code: 'ERR_CLOSED' })
})
