/** What random sequences hardly meet, on the Lua and on its twin: the same replies, and these. */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { keysOf } from '../../src/kernel/names.js'
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

describe.each(engines)('%s', (engine) => {
  let server: RunningServer
  let commands: Redis
  let messages: Redis
  let run: string
  beforeAll(async () => {
    server = await startServer({ engine })
    commands = new Redis(server.url)
    messages = new Redis(server.url)
    for (const { lua } of Object.values(scripts)) await commands.script('LOAD', lua)
    run = String(((await commands.evalsha(scripts.hello.sha1, 0, '1')) as string[])[1])
  })
  afterAll(async () => {
    commands.disconnect()
    messages.disconnect()
    await server.stop()
  })

  /** One name on both kernels. */
  function name() {
    const pair = new Pair({ commands, messages, inbox: new Map(), seen: new Set() }, run)
    const id = randomBytes(16).toString('hex')
    const keys = keysOf(id, 'lock:')
    const call = async (script: keyof typeof scripts, ...fields: string[]): Promise<Reply[]> =>
      (await pair.call(script, keys, ['1', ...fields]))[3] as Reply[]
    return {
      pair,
      keys,
      call,
      own: (i: number) => `${id}.${i}`,
      take: async (owner: string, mode: string, wait = '0') =>
        (await call('acquire', owner, mode, '1', '60000', '2000', wait, '', '', '', '', '', ''))[0],
      verify: () => pair.compareState(keys),
    }
  }

  test('force asks all readers, also those whom no message told', async () => {
    const { call, own, take, verify } = name()
    for (let i = 1; i <= 70; i++) await take(own(i), 's')
    expect((await call('force', '0', ''))[1]).toBe(70)
    for (const i of [1, 65, 70]) {
      expect((await call('renew', own(i), '60000', '', ''))[0]).toBe('forced')
      expect(await take(own(i), 's')).toBe('forced')
    }
    expect(await take(own(99), 's')).toBe('taken')
    for (let i = 1; i <= 70; i++) await call('release', own(i))
    expect(await take(own(99), 's')).toBe('granted')
    expect(await take(own(98), 's')).toBe('granted')
    expect((await call('renew', own(99), '60000', '', ''))[0]).toBe('renewed')
    await verify()
  })

  test('asked readers go one by one, and then those who wait come in together', async () => {
    const { call, own, take, verify } = name()
    for (const i of [1, 2]) await take(own(i), 's')
    await call('force', '0', '')
    for (const i of [3, 4]) expect(await take(own(i), 's', '1')).toBe('queued')
    await call('release', own(1))
    expect((await call('inspect'))[2]).toBe(1)
    await call('release', own(2))
    expect((await call('inspect')).slice(2, 4)).toEqual([2, 0])
    for (const i of [3, 4]) {
      expect((await call('renew', own(i), '60000', '', ''))[0]).toBe('renewed')
    }
    await verify()
  })

  test('a downgrade beside readers who were asked to go does not end the asking', async () => {
    const { pair, keys, call, own, take, verify } = name()
    await take(own(1), 's')
    await call('force', '0', '')
    // Somebody writes a holder over them, and takes it away again: they are back.
    await pair.set(keys[0], own(2), Date.now() + 60_000)
    expect((await call('turn', own(2), own(3), 's', '60000', '', '', ''))[0]).toBe('turned')
    expect((await call('inspect'))[2]).toBe(2)
    expect(await take(own(4), 's')).toBe('taken')
    await verify()
  })

  test.each([2, 3, 4])('a downgrade with key %i of a wrong type changes nothing', async (at) => {
    const { pair, keys, call, own, take, verify } = name()
    await take(own(1), 'x')
    await (at === 4 ? pair.zset(keys[at]!) : pair.hash(keys[at]!))
    const [status, text] = await call('turn', own(1), own(2), 's', '60000', '', '', '')
    expect([status, String(text).slice(0, 9)]).toEqual(['error', 'WRONGTYPE'])
    expect(await commands.get(keys[0])).toBe(own(1))
    await verify()
  })

  test('a downgrade while the memory is full leaves the writer what it has', async () => {
    const { call, own, take, verify, keys } = name()
    await take(own(1), 'x')
    await commands.config('SET', 'maxmemory', '1')
    const failed = await commands.evalsha(
      scripts.turn.sha1,
      5,
      ...keys,
      '1',
      own(1),
      own(2),
      's',
      '60000',
      '',
      '',
      '',
    )
    await commands.config('SET', 'maxmemory', '0')
    const [status, text] = (failed as [string, string, string, string[]])[3]
    expect([status, String(text).slice(0, 3)]).toEqual(['error', 'OOM'])
    expect((await call('renew', own(1), '60000', '', ''))[0]).toBe('renewed')
    await verify()
  })
})
