/** The operation `all` on the Lua and on its twin: the same replies, and these. */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { keysOf } from '../../src/kernel/names.js'
import { packed } from '../../src/kernel/protocol.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import {
  findServer,
  startServer,
  type RunningServer,
  type ServerEngine,
} from '../../src/testing/index.js'
import { Pair } from '../kernel/pair.js'

const engines: ServerEngine[] = []
for (const engine of ['redis', 'valkey'] as const) {
  if ((await findServer({ engine })) !== null) engines.push(engine)
}

test('there is a server to test on', () => expect(engines).not.toEqual([]))

interface Ask {
  readonly mode?: 'x' | 's' | 'p'
  readonly weight?: number
  readonly limit?: number
  readonly ttl?: number
  readonly wait?: boolean
  readonly notAfter?: [string, string]
}

describe.each(engines)('%s', (engine) => {
  let server: RunningServer
  let commands: Redis
  let messages: Redis
  let run: string
  const inbox = new Map<string, string[]>()
  beforeAll(async () => {
    server = await startServer({ engine })
    commands = new Redis(server.url)
    messages = new Redis(server.url)
    messages.on('message', (channel, message) => inbox.get(channel)?.push(message))
    for (const { lua } of Object.values(scripts)) await commands.script('LOAD', lua)
    run = String(((await commands.evalsha(scripts.hello.sha1, 0, '1')) as string[])[1])
  })
  afterAll(async () => {
    commands.disconnect()
    messages.disconnect()
    await server.stop()
  })

  /** Three names on both kernels, numbered. */
  function stage() {
    const pair = new Pair({ commands, messages, inbox, seen: new Set() }, run)
    const id = randomBytes(16).toString('hex')
    const keys = [0, 1, 2].map((i) => keysOf(`${id}:${i}`, 'lock:'))
    const own = (i: number, client = 0): string => `${id.slice(1)}${client}.${i}`
    const fields = (owner: string, ask: Ask = {}): string[] => {
      const { mode = 'x', weight = 1, limit = 3, ttl = 60_000, wait = false } = ask
      const rest = ['', ...(ask.notAfter ?? ['', '']), '', '', mode === 'p' ? `${limit}` : '']
      return [owner, mode, `${weight}`, `${ttl}`, '2000', wait ? '1' : '0', ...rest]
    }
    const call = async (
      script: keyof typeof scripts,
      items: readonly (readonly [name: number, ...fields: string[]])[],
    ): Promise<Reply[][]> => {
      const args = packed(items.map(([, ...rest]) => rest))
      const all = items.flatMap(([name]) => keys[name]!)
      return (await pair.call(script, all, ['1', ...args])).slice(3) as Reply[][]
    }
    return {
      pair,
      keys,
      call,
      own,
      fields,
      /** All three names by owners 0 to 2, each asked for in its own way. */
      all: (...asks: Ask[]) =>
        call(
          'all',
          [0, 1, 2].map((i) => [i, ...fields(own(i), asks[i])]),
        ),
      take: async (name: number, owner: string, ask: Ask = {}) =>
        (await call('acquire', [[name, ...fields(owner, ask)]]))[0]![0],
      release: async (name: number, owner: string) =>
        (await call('release', [[name, owner]]))[0]![0],
      held: async (...names: number[]) =>
        (
          await call(
            'inspect',
            names.map((name) => [name] as const),
          )
        ).map((state) => Number(state[2])),
      verify: () => pair.compareState(keys.flat()),
    }
  }
  const verdicts = (replies: Reply[][]): Reply[] => replies.map(([status]) => status!)

  test('all are granted, of each mode, and once more by the same owners', async () => {
    const { all, held, verify } = stage()
    const asks: Ask[] = [{}, { mode: 's' }, { mode: 'p', weight: 3 }]
    const first = await all(...asks)
    expect(verdicts(first)).toEqual(['granted', 'granted', 'granted'])
    const again = await all(...asks)
    expect(again.map(([status, token]) => [status, token])).toEqual(
      first.map(([status, token]) => [status, token]),
    )
    expect(await held(0, 1, 2)).toEqual([1, 1, 1])
    await verify()
  })

  test.each([0, 1, 2])('name %i is taken: nothing of the others is granted', async (name) => {
    const { all, own, take, held, verify, keys } = stage()
    await take(name, own(9))
    const replies = await all({}, {}, {})
    expect(verdicts(replies)).toEqual([0, 1, 2].map((i) => (i === name ? 'taken' : 'free')))
    expect(replies[name]!.slice(1, 3)).toEqual(['x', own(9)])
    expect(await held(0, 1, 2)).toEqual([0, 1, 2].map((i) => (i === name ? 1 : 0)))
    // Not even a token: no key of another name was written.
    const others = keys.filter((_, i) => i !== name).flat()
    expect(await commands.exists(...others)).toBe(0)
    await verify()
  })

  test('what an owner holds already is prolonged, whether or not all are granted', async () => {
    const { all, own, take, release, verify } = stage()
    await take(0, own(0), { ttl: 1000 })
    await take(2, own(9))
    const [mine, free, taken] = await all({ ttl: 30_000 })
    expect([mine![0], free![0], taken![0]]).toEqual(['held', 'free', 'taken'])
    expect(Number(mine![2]) - Date.now()).toBeGreaterThan(20_000)
    // An earlier end is never written.
    const [still] = await all({ ttl: 1000 })
    expect(still).toEqual(mine)
    await release(2, own(9))
    const whole = await all({ ttl: 40_000 })
    expect(verdicts(whole)).toEqual(['granted', 'granted', 'granted'])
    expect(whole[0]![1]).toBe(mine![1])
    await verify()
  })

  test('a claim that was not renewed yet is confirmed', async () => {
    const { pair, all, call, own, take, release, verify } = stage()
    await pair.subscribe(`lock:client:${own(0).split('.')[0]}`)
    await take(0, own(9, 1))
    await take(0, own(0), { wait: true })
    await release(0, own(9, 1))
    await take(1, own(9, 1))
    expect(verdicts(await all())).toEqual(['held', 'taken', 'free'])
    // Its end is that of the ttl, and no longer that of the claim.
    const [state] = await call('inspect', [[0]])
    const [owner, ends, record] = state![4] as string[]
    expect(owner).toBe(own(0))
    expect(Number(ends) - Date.now()).toBeGreaterThan(30_000)
    expect(record!.split(' ')[7]).toBe('0')
    await verify()
  })

  test('a name that is free and waited for is handed over, and not granted', async () => {
    const { pair, all, own, take, held, verify } = stage()
    const channel = `lock:client:${own(0, 1).split('.')[0]}`
    await pair.subscribe(channel)
    await take(1, own(9, 2), { ttl: 60 })
    expect(await take(1, own(8, 1), { wait: true })).toBe('queued')
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(verdicts(await all())).toEqual(['free', 'taken', 'free'])
    expect(await held(0, 1, 2)).toEqual([0, 1, 0])
    await verify()
  })

  test('those who wait and are dead stand in nobody’s way', async () => {
    const { pair, all, own, take, verify } = stage()
    const channel = `lock:client:${own(0, 1).split('.')[0]}`
    await pair.subscribe(channel)
    await take(1, own(9, 2), { ttl: 60 })
    expect(await take(1, own(8, 1), { wait: true })).toBe('queued')
    await pair.unsubscribe(channel)
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(verdicts(await all())).toEqual(['granted', 'granted', 'granted'])
    await verify()
  })

  test('an owner that stands in line is not granted that name alone', async () => {
    const { all, own, take, held, verify } = stage()
    await take(0, own(9), { ttl: 60 })
    expect(await take(0, own(0), { wait: true })).toBe('queued')
    await take(2, own(9))
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(verdicts(await all())).toEqual(['taken', 'free', 'taken'])
    expect(await held(0, 1)).toEqual([0, 0])
    await verify()
  })

  test('a name that is asked for twice is granted to neither', async () => {
    const { call, own, fields, held, verify } = stage()
    const replies = await call('all', [
      [0, ...fields(own(0), { mode: 's' })],
      [1, ...fields(own(1))],
      [0, ...fields(own(2), { mode: 's' })],
    ])
    expect(verdicts(replies)).toEqual(['free', 'free', 'error'])
    expect(await held(0, 1)).toEqual([0, 0])
    await verify()
  })

  test.each([0, 1, 2, 3, 4])('key %i of the last name is of a wrong type', async (at) => {
    const { pair, keys, all, held, verify } = stage()
    await (at === 4 ? pair.zset(keys[2]![at]!) : pair.hash(keys[2]![at]!))
    const replies = await all({}, {}, { mode: 's' })
    expect(verdicts(replies)).toEqual(['free', 'free', 'error'])
    expect(String(replies[2]![1])).toContain(keys[2]![at])
    expect(await held(0, 1)).toEqual([0, 0])
    await verify()
  })

  test('too late, over, withheld, another limit: nothing is granted', async () => {
    const { all, call, own, take, held, verify } = stage()
    const past: [string, string] = ['1000', run]
    expect(verdicts(await all({}, {}, { notAfter: past }))).toEqual(['free', 'free', 'late'])
    expect(verdicts(await all({}, {}, { notAfter: ['9999999999999', 'another'] }))[2]).toBe('late')
    await take(1, own(9), { mode: 'p', limit: 5 })
    const limits = await all({}, { mode: 'p', limit: 4 }, {})
    expect(verdicts(limits)).toEqual(['free', 'error', 'free'])
    await take(2, own(2))
    await call('force', [[2, '0', '', '']])
    expect(verdicts(await all({}, { mode: 'p', limit: 5 }))).toEqual(['free', 'free', 'forced'])
    expect(await held(0, 1, 2)).toEqual([0, 1, 1])
    await call('release', [[2, own(2)]])
    expect(verdicts(await all({}, { mode: 'p', limit: 5 }))).toEqual(['free', 'free', 'lapsed'])
    await verify()
  })

  test('a full memory: nothing is granted', async () => {
    const { keys, own, fields, held, verify } = stage()
    const args = packed([0, 1, 2].map((i) => fields(own(i), { mode: i === 0 ? 's' : 'x' })))
    await commands.config('SET', 'maxmemory', '1')
    const reply = await commands.evalsha(scripts.all.sha1, 15, ...keys.flat(), '1', ...args)
    await commands.config('SET', 'maxmemory', '0')
    const [first, ...rest] = (reply as Reply[]).slice(3) as string[][]
    expect([first![0], first![1]!.slice(0, 3), ...verdicts(rest)]).toEqual([
      'error',
      'OOM',
      'free',
      'free',
    ])
    expect(await held(0, 1, 2)).toEqual([0, 0, 0])
    await verify()
  })
})
