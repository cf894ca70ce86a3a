/** Sequences that once went wrong in the Lua, on both kernels: each test says what must be. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { keysOf } from '../../src/kernel/names.js'
import { decode, packed } from '../../src/kernel/protocol.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import {
  findServer,
  startServer,
  type RunningServer,
  type ServerEngine,
} from '../../src/testing/index.js'
import { Pair } from './pair.js'

let server: RunningServer
let commands: Redis
let messages: Redis
let run: string

/** One name on both kernels, with short ways to say what is done to it. */
function name(): {
  pair: Pair
  k: string
  own: (i: number) => string
  acquire: (owner: string, mode: string, ttl: number, wait?: boolean) => Promise<readonly Reply[]>
  release: (owner: string) => Promise<readonly Reply[]>
  verify: () => Promise<void>
} {
  const pair = new Pair({ commands, messages, inbox: new Map(), seen: new Set() }, run)
  const id = randomBytes(16).toString('hex')
  const keys = keysOf(id, 'lock:')
  return {
    pair,
    k: keys[0],
    own: (i) => `${id}.${i}`,
    acquire: async (owner, mode, ttl, wait = false) => {
      const fields = [
        owner,
        mode,
        '1',
        String(ttl),
        '2000',
        wait ? '1' : '0',
        '',
        '',
        '',
        '',
        '',
        '',
      ]
      return (await pair.call('acquire', keys, ['1', ...fields]))[3] as Reply[]
    },
    release: async (owner) => (await pair.call('release', keys, ['1', owner, '']))[3] as Reply[],
    verify: () => pair.compareState(keys),
  }
}

const engines: ServerEngine[] = []
for (const engine of ['redis', 'valkey'] as const) {
  if ((await findServer({ engine })) !== null) engines.push(engine)
}

test('there is a server to test on', () => expect(engines).not.toEqual([]))

describe.each(engines)('%s', (engine) => {
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

  test('a release frees K although many dead readers are still written down', async () => {
    const { k, pair, own, acquire, release, verify } = name()
    const keys = keysOf(k.slice(5), 'lock:')
    const fields = (i: number): string[] => [
      own(i),
      's',
      '1',
      '1000',
      '2000',
      '0',
      '',
      '',
      '',
      '',
      '',
      '',
    ]
    const readers = Array.from({ length: 200 }, (_, i) => i)
    await pair.call(
      'acquire',
      readers.flatMap(() => keys),
      ['1', ...packed(readers.map(fields))],
    )
    // The line keeps the readers' key beyond their end.
    expect((await acquire(own(900), 'x', 60_000, true)).slice(0, 2)).toEqual(['queued', 0])
    await sleep(1100)
    expect((await acquire(own(900), 'x', 60_000, true)).slice(0, 1)).toEqual(['granted'])
    expect(await release(own(900))).toEqual(['released', '-', '', '-1', '', 0])
    expect(await commands.exists(k)).toBe(0)
    await verify()
  })

  test('readers whose K was deleted keep a writer out, and get their K back', async () => {
    const { k, pair, own, acquire, verify } = name()
    await acquire(own(1), 's', 60_000)
    await pair.del(k)
    expect((await acquire(own(2), 'x', 60_000)).slice(0, 2)).toEqual(['taken', 's'])
    expect(await commands.get(k)).toBe('hf:shared')
    expect((await acquire(own(2), 'x', 60_000)).slice(0, 2)).toEqual(['taken', 's'])
    await verify()
  })

  test('a lease asked to end sooner keeps its end, to the millisecond, however long the call is', async () => {
    const { k, pair, own, acquire, verify } = name()
    const granted = await acquire(own(1), 'x', 60_000)
    const keys = keysOf(k.slice(5), 'lock:')
    const times = Array.from({ length: 200 })
    const replies = await pair.call(
      'renew',
      times.flatMap(() => keys),
      ['1', ...packed(times.map(() => [own(1), '100', '', '']))],
    )
    expect(replies.at(-1)).toBe(['renewed', granted[2], granted[1], 0].join(' '))
    expect(await commands.call('PEXPIRETIME', k)).toBe(Number(granted[2]))
    await verify()
  })

  // Redis 7.0 deletes a key at once if the expiry that is written has passed since the script began.
  test('a call so long that a lease ends meanwhile: nobody gets an error', async () => {
    const statuses = async (ttl: number): Promise<string[]> => {
      const { k, own } = name()
      const keys = keysOf(k.slice(5), 'lock:')
      const many = Array.from({ length: 8000 }, (_, i) => own(1 + i))
      const fields = many.map((one, i) => {
        return [one, 'p', '1', String(i === 0 ? ttl : 60_000), '50', '0', '', '', '', '', '', '1']
      })
      const all = many.flatMap(() => keys)
      const args = [scripts.acquire.sha1, all.length, ...all, '1', ...packed(fields)]
      const { items } = decode((await commands.call('EVALSHA', args)) as Reply)
      return items.map(([status]) => String(status))
    }
    // On a slow machine the shortest may be over before the second request is looked at.
    for (const ttl of [50, 100, 200, 400, 800]) {
      const said = await statuses(ttl)
      expect(said).not.toContain('error')
      expect(said[0]).toBe('granted')
      if (said[1] === 'taken') return
    }
    expect.fail('the second request was never refused')
  })

  test('an owner that asks again in another mode keeps the mode that it has', async () => {
    const { k, own, acquire, verify } = name()
    await acquire(own(1), 's', 60_000)
    await acquire(own(2), 's', 60_000)
    expect((await acquire(own(1), 'x', 60_000)).slice(0, 1)).toEqual(['granted'])
    expect(await commands.get(k)).toBe('hf:shared')
    await verify()
  })

  test('edges: a downgrade leaves them, whoever notes one mends K, and a name withheld says so', async () => {
    const { pair, k, own, acquire, verify } = name()
    const keys = keysOf(k.slice('lock:'.length), 'lock:')
    const call = async (
      script: 'edge' | 'waits' | 'turn' | 'force' | 'renew',
      ...fields: string[]
    ): Promise<readonly Reply[]> => (await pair.call(script, keys, ['1', ...fields]))[3] as Reply[]
    await acquire(own(1), 'x', 60_000)
    expect(await call('edge', own(1), '\n["k","w"]')).toEqual(['noted'])
    // A reply that has an info of its own leaves them out.
    await call('force', '2', '', '["ops"]')
    expect((await call('renew', own(1), '60000', '', ''))[4]).toMatch(/\["ops"\]\]$/)
    expect(String((await call('waits', ''))[4])).toContain('["k","w"]')
    expect((await call('turn', own(1), own(2), 's', '60000', '', '', ''))[0]).toBe('turned')
    expect(String((await call('waits', ''))[4])).not.toContain('["k","w"]')
    await verify()
    await pair.del(k)
    expect(await call('edge', own(2), '\n["k","w"]')).toEqual(['noted'])
    expect(await commands.get(k)).toBe('hf:shared')
    expect((await call('waits', '')).slice(0, 4)).toEqual(['waits', '', 1, 0])
    await call('force', '0', '', '')
    expect((await call('waits', '')).slice(0, 4)).toEqual(['waits', '', 1, 1])
    await verify()
  })

  test.each([
    ['x', 1],
    ['s', 4],
  ] as const)('a turn asked for again finds no token: an error (%s)', async (mode, record) => {
    const { pair, k, own, acquire, release, verify } = name()
    const keys = keysOf(k.slice('lock:'.length), 'lock:')
    const args = ['1', own(1), own(2), mode, '60000', '', '', '']
    await acquire(own(1), mode, 60_000)
    const first = (await pair.call('turn', keys, args))[3] as Reply[]
    const second = (await pair.call('turn', keys, args))[3] as Reply[]
    expect([first[0], second[0], second[1]]).toEqual(['turned', 'turned', first[1]])
    await pair.del(keys[record])
    const again = await pair.call('turn', keys, args)
    expect(again[3]).toEqual(['error', 'the record of the tenure was lost'])
    await verify()
    expect((await release(own(2)))[0]).toBe('released')
    expect(await commands.exists(k)).toBe(0)
    await verify()
  })

  test('on a quorum a holder whose record was deleted has as many permits as its members say', async () => {
    const { pair, k, own, verify } = name()
    const keys = keysOf(k.slice('lock:'.length), 'lock:')
    let ballot = Date.now() * 1000
    const vote = async (weight: string, slots: string, i = 1): Promise<readonly Reply[]> => {
      const wanted = [own(i), 'p', weight, '60000', '2000', '0', '', '', '']
      const fields = [...wanted, String(++ballot), '', '5', slots]
      return (await pair.call('q_acquire', keys, ['1', ...fields]))[3] as Reply[]
    }
    expect((await vote('2', ''))[4]).toBe('0,1')
    await pair.del(keys[4])
    // Another one says again what the limit is.
    expect((await vote('1', '2', 2))[4]).toBe('2')
    expect((await vote('1', '0')).slice(0, 2)).toEqual(['taken', 'p'])
    expect((await vote('1', '0,1')).slice(0, 1)).toEqual(['granted'])
    await verify()
  })

  test('on a quorum whoever goes back into a line that it stands in already counts once', async () => {
    const { pair, k, own, verify } = name()
    const keys = keysOf(k.slice('lock:'.length), 'lock:')
    const ballot = String(Date.now() * 1000)
    const vote = async (mode: string, ticket: string): Promise<readonly Reply[]> => {
      const fields = [own(1), mode, '2', '60000', '2000', '1', ticket, '', '', ballot, '', '3', '']
      return (await pair.call('q_acquire', keys, ['1', ...fields]))[3] as Reply[]
    }
    expect((await vote('p', ''))[0]).toBe('granted')
    await pair.set(k, 'a stranger', null)
    expect((await vote('x', '1'))[0]).toBe('queued')
    await pair.del(k)
    await pair.call('q_release', keys, ['1', own(1), '', '', '', '1'])
    await verify()
  })

  test('more waiters than one call drops, whom a smaller limit shuts out: whoever comes next is in front', async () => {
    const { pair, k, own, acquire, verify } = name()
    const keys = keysOf(k.slice('lock:'.length), 'lock:')
    await acquire(own(1), 'x', 60_000)
    const many = Array.from({ length: 112 }, (_, i) => own(10 + i))
    const fields = many.map((one) => [one, 'p', '3', '60000', '50', '1', '', '', '', '', '', '3'])
    await pair.call(
      'acquire',
      many.flatMap(() => keys),
      ['1', ...packed(fields)],
    )
    await pair.call('resize', keys, ['1', '1', '', ''])
    expect((await acquire(own(2), 'x', 60_000, true)).slice(0, 2)).toEqual(['queued', 0])
    await verify()
  })

  test('one in line whose record was deleted, and whose id a stranger wrote into the key, is dropped with others', async () => {
    const { pair, k, own, acquire, verify } = name()
    const keys = keysOf(k.slice('lock:'.length), 'lock:')
    await acquire(own(1), 'x', 60_000)
    await acquire(own(2), 'x', 60_000, true)
    await acquire(own(3), 'x', 60_000, true)
    await pair.del(keys[4])
    await pair.set(k, own(2), Date.now() + 60_000)
    expect((await acquire(own(4), 's', 60_000, true)).slice(0, 2)).toEqual(['queued', 0])
    await verify()
  })

  test('who asks a node of an earlier epoch whether it votes begins no new one', async () => {
    const { pair, k } = name()
    const status = async (text: string, set: string): Promise<Reply> =>
      ((await pair.call('bootstrap', [`${k}:node`], [text, set]))[3] as Reply[])[0]!
    expect(await status('1 5 60000', '')).toBe('missing')
    expect(await status('1 0 60000', '1')).toBe('ended')
    expect(await status('1 5 60000', '')).toBe('older')
    expect(await status('1 0 60000', '')).toBe('votes')
    await pair.del(`${k}:node`)
  })

  test('a mode that this version does not know is refused', async () => {
    const { own, acquire } = name()
    expect((await acquire(own(1), 'u', 60_000)).slice(0, 1)).toEqual(['error'])
  })
})
