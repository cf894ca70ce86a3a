/**
 * The quick ways through the scripts (_quick_pass.lua, _quick_stand.lua, _quick_release.lua) where they must
 * give way to the long one, or say just the same: each case on a real server and on the reference.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
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
import { Pair } from './pair.js'

let server: RunningServer
let commands: Redis
let messages: Redis
let run: string
const inbox = new Map<string, string[]>()

interface Ask {
  mode?: string
  weight?: number
  ttl?: number
  claim?: number
  wait?: boolean
  ticket?: string
  notAfter?: string
  linger?: boolean
  limit?: number
}

/** One name on both kernels, and clients that ask for it. After each step all is compared. */
class Name {
  readonly pair = new Pair({ commands, messages, inbox, seen: new Set() }, run)
  readonly keys = keysOf(randomBytes(16).toString('hex'), 'lock:')
  readonly #clients = new Map<string, string>()

  /** `a1`: the first acquisition of client a. */
  owner(who: string): string {
    const [, client = '', sequence] = /^([a-z]+)(\d+)$/.exec(who)!
    if (!this.#clients.has(client)) this.#clients.set(client, randomBytes(16).toString('hex'))
    return `${this.#clients.get(client)}.${sequence}`
  }

  channel(who: string): string {
    return `lock:client:${this.owner(who).split('.')[0]}`
  }

  async subscribe(...all: string[]): Promise<void> {
    for (const who of all) await this.pair.subscribe(this.channel(who))
  }

  async acquire(who: string, ask: Ask = {}): Promise<Reply[]> {
    const { mode = 'x', weight = 1, ttl = 60_000, claim = 2000, wait = true, ticket = '' } = ask
    const { notAfter = '', linger = false, limit } = ask
    const more = limit === undefined ? (linger ? 'linger' : '') : String(limit)
    const what = [mode, String(weight), String(ttl), String(claim), wait ? '1' : '0']
    const until = [notAfter, notAfter === '' ? '' : run]
    const info = `["${who}",null,null]`
    return this.#call('acquire', [this.owner(who), ...what, ticket, ...until, '', info, more])
  }

  async release(who: string, least = ''): Promise<Reply[]> {
    return this.#call('release', [this.owner(who), least])
  }

  async renew(who: string, ttl = 60_000): Promise<Reply[]> {
    return this.#call('renew', [this.owner(who), String(ttl), '', ''])
  }

  async force(how: string): Promise<Reply[]> {
    return this.#call('force', [how, '', ''])
  }

  async #call(script: keyof typeof scripts, fields: string[]): Promise<Reply[]> {
    const reply = await this.pair.call(script, this.keys, ['1', ...fields])
    await this.pair.compareState(this.keys)
    return reply[3] as Reply[]
  }

  /** The same in both: what somebody else does to the keys. */
  async zadd(key: number, score: number, member: string): Promise<void> {
    await commands.zadd(this.keys[key]!, score, member)
    this.pair.memory.space.zadd(this.keys[key]!, score, member)
  }

  async zrem(key: number, member: string): Promise<void> {
    await commands.zrem(this.keys[key]!, member)
    this.pair.memory.space.zrem(this.keys[key]!, member)
  }

  async forget(who: string): Promise<void> {
    await commands.hdel(this.keys[4], this.owner(who))
    this.pair.memory.space.hdel(this.keys[4], this.owner(who))
  }
}

/** What a release says of who comes next. */
const next = (reply: Reply[]): Reply[] => [reply[0]!, reply[2]!, reply[5]!]

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
    messages.on('message', (channel, message) => inbox.get(channel)?.push(message))
    for (const { lua } of Object.values(scripts)) await commands.script('LOAD', lua)
    run = String(((await commands.evalsha(scripts.hello.sha1, 0, '1')) as string[])[1])
  })

  afterAll(async () => {
    commands.disconnect()
    messages.disconnect()
    await server.stop()
  })

  const ends = async (n: Name): Promise<void> => {
    await n.pair.close()
  }

  test('one after the other, and the last leaves nothing', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    for (const who of ['b1', 'c1', 'b2']) expect((await n.acquire(who))[0]).toBe('queued')
    for (const [from, to, behind] of [
      ['a1', 'b1', 2],
      ['b1', 'c1', 1],
      ['c1', 'b2', 0],
    ] as const) {
      expect(next(await n.release(from))).toEqual(['released', n.owner(to), behind])
    }
    // Its grant came by message, and was not renewed: its record says that it did not lapse.
    expect(await n.release('b2')).toEqual(['released', '-', '', '-1', '', 0])
    await ends(n)
  })

  test('one that was asked to let go, granted by a message', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1')
    await n.acquire('a1')
    await n.acquire('b1')
    await n.release('a1')
    await n.force('2')
    expect((await n.release('b1'))[0]).toBe('released')
    await ends(n)
  })

  test('who lingers is told that others want the name, at its grant and when they come', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1', { linger: true })
    await n.acquire('b1', { linger: true })
    await n.acquire('c1')
    await n.release('a1')
    const heard = inbox.get(n.channel('b1'))!.map((message) => message.split(' ')[1])
    expect(heard).toEqual(['grant', 'wanted'])
    expect((await n.acquire('a2', { wait: false }))[0]).toBe('taken')
    await n.release('b1')
    expect((await n.acquire('b2', { wait: false }))[0]).toBe('taken')
    await ends(n)
  })

  test('who was refused and does not wait makes it wanted, where nobody else waits', async () => {
    const n = new Name()
    await n.subscribe('a1')
    await n.acquire('a1', { linger: true })
    expect((await n.acquire('b1', { wait: false }))[0]).toBe('taken')
    expect(inbox.get(n.channel('a1'))).toHaveLength(1)
    await ends(n)
  })

  test('the next in line is told of another process if there is one', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    for (const who of ['b1', 'b2', 'c1']) await n.acquire(who)
    await n.release('a1')
    expect(inbox.get(n.channel('c1'))).toHaveLength(1)
    expect(inbox.get(n.channel('b1'))).toHaveLength(1)
    await ends(n)
  })

  test.each([false, true])('who is dead is passed over (linger %s)', async (linger) => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    await n.acquire('b1', { linger })
    await n.acquire('c1')
    await n.pair.unsubscribe(n.channel('b1'))
    expect(next(await n.release('a1'))).toEqual(['released', n.owner('c1'), 0])
    await ends(n)
  })

  test('readers and permits first in line go the long way', async () => {
    for (const ask of [{ mode: 's' }, { mode: 'p', limit: 2 }] as const) {
      const n = new Name()
      await n.subscribe('a1', 'b1', 'c1')
      await n.acquire('a1')
      await n.acquire('b1', ask)
      expect((await n.acquire('c1'))[0]).toBe('queued')
      expect((await n.release('a1'))[1]).toBe(ask.mode)
      await ends(n)
    }
  })

  test('more permits than there are now, first in line behind somebody exclusive', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    await n.acquire('b1', { mode: 'p', weight: 3, limit: 3 })
    await n.pair.call('resize', n.keys, ['1', '2', '', ''])
    expect((await n.acquire('c1'))[0]).toBe('queued')
    await ends(n)
  })

  test('what somebody left in the set of those who share', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1', 'd1')
    await n.acquire('a1')
    await n.acquire('b1')
    await n.zadd(3, Date.now() - 1000, n.owner('d1'))
    await n.acquire('c1')
    await n.zadd(3, Date.now() - 1000, n.owner('d1'))
    expect((await n.release('a1'))[0]).toBe('released')
    await ends(n)
  })

  test('a claim that ran out', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1', 'd1')
    await n.acquire('a1')
    for (const who of ['b1', 'c1', 'd1']) await n.acquire(who, { claim: 60 })
    await n.release('a1')
    await sleep(100)
    // It hands over to the next, and notes who was silent.
    expect((await n.acquire('a2'))[0]).toBe('queued')
    await n.acquire('b2')
    expect((await n.release('c1'))[0]).toBe('released')
    await ends(n)
  })

  test('a tenure that keeps the name a while goes the long way', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1')
    await n.acquire('a1')
    await n.acquire('b1')
    expect((await n.release('a1', '5000'))[0]).toBe('kept')
    await ends(n)
  })

  test('tokens: reserved, limited, and ahead of the clock', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    const ahead = 2 ** 52
    await n.pair.set(n.keys[1], `${ahead} - ${n.owner('d1')} x 1 1 1 - 1 1 0 `, Date.now() + 60_000)
    expect((await n.acquire('a1'))[1]).toBe(String(ahead + 1))
    await n.acquire('b1', { weight: 17 })
    await n.acquire('c1', { weight: 1000 })
    await n.release('a1')
    await n.release('b1')
    expect((await n.acquire('d1', { weight: 1001 }))[0]).toBe('error')
    expect((await n.acquire('d1', { weight: 0 }))[0]).toBe('error')
    await ends(n)
  })

  test('a claim is no longer than the lease that was asked for, and keeps the line alive', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1', { ttl: 400 })
    await n.acquire('b1', { ttl: 20_000, claim: 15_000 })
    await n.acquire('c1', { ttl: 1000, claim: 2000 })
    await n.release('a1')
    const [, , , end] = await n.release('b1')
    expect(Number(end) - Date.now()).toBeLessThan(1500)
    await ends(n)
  })

  test('asked again, with a ticket, too late, without waiting', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    const [, , ticket] = await n.acquire('b1')
    await n.acquire('c1')
    expect((await n.acquire('b1'))[3]).toBe(0)
    expect((await n.acquire('b1', { ttl: 9000 }))[3]).toBe(0)
    await n.acquire('d1')
    expect((await n.acquire('e1', { ticket: String(Number(ticket) - 5) }))[1]).toBe(0)
    expect((await n.acquire('f1', { notAfter: '1000' }))[0]).toBe('late')
    expect((await n.acquire('f1', { wait: false }))[0]).toBe('taken')
    await ends(n)
  })

  test('a line that is ahead of the clock', async () => {
    const n = new Name()
    await n.acquire('a1')
    await n.acquire('b1')
    await n.zadd(2, 2 ** 52, n.owner('b1'))
    expect((await n.acquire('c1'))[2]).toBe(String(2 ** 52 + 1))
    await ends(n)
  })

  test('holders of whom no record is left, and those of another library', async () => {
    const n = new Name()
    await n.pair.set(n.keys[0], n.owner('a1'), Date.now() + 60_000)
    expect((await n.acquire('b1'))[0]).toBe('queued')
    await n.release('a1')
    const other = new Name()
    await other.pair.set(other.keys[0], 'theirs', null)
    expect((await other.acquire('b1'))[4]).toBe('f')
    expect((await other.acquire('c1', { wait: false }))[1]).toBe('f')
  })

  test('a tenure that a stranger ended, and one that took its place', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    await n.pair.set(n.keys[0], n.owner('z9'), Date.now() + 60_000)
    expect((await n.acquire('b1'))[0]).toBe('queued')
    expect((await n.acquire('c1'))[0]).toBe('queued')
    expect((await n.release('z9'))[2]).toBe(n.owner('b1'))
    await ends(n)
  })

  test('records that somebody deleted, and one whose place is gone', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1', 'd1')
    await n.acquire('a1')
    await n.acquire('b1')
    await n.acquire('c1')
    await n.zrem(2, n.owner('c1'))
    // Its record says since when it waits.
    await sleep(5)
    await n.acquire('c1')
    await n.forget('b1')
    expect((await n.acquire('e1', { wait: false }))[0]).toBe('taken')
    expect((await n.acquire('d1'))[1]).toBe(1)
    await n.forget('d1')
    expect((await n.acquire('d1'))[3]).toBe(0)
    await n.forget('c1')
    expect((await n.release('a1'))[2]).toBe(n.owner('d1'))
    await n.acquire('e1')
    await n.forget('e1')
    // A place without a record is nobody's.
    expect((await n.acquire('f1'))[1]).toBe(0)
    await ends(n)
  })
})
