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
import { acquireFields, packed, releaseFields } from '../../src/kernel/protocol.js'
import { scripts } from '../../src/kernel/scripts.gen.js'
import {
  findServer,
  startServer,
  type RunningServer,
  type ServerEngine,
} from '../../src/testing/index.js'
import { Inconclusive, Pair } from './pair.js'

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

interface Back {
  least?: string
  failed?: boolean
  ticket?: string
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

  /** A node of a quorum that has forgotten nothing; or what else its marker says. */
  async node(text = `0 0 ${run} 0 5000`): Promise<void> {
    await this.pair.set(this.marker, text, null)
  }

  get marker(): string {
    return `${this.keys[0]}:node`
  }

  async vote(who: string, ballot: number | string, ask: Ask = {}): Promise<Reply[]> {
    const { mode = 'x', weight = 1, ttl = 60_000, claim = 2000, wait = false, ticket = '' } = ask
    const what = [mode, String(weight), String(ttl), String(claim), wait ? '1' : '0', ticket]
    const until = ask.notAfter === undefined ? ['', ''] : [ask.notAfter, run]
    const limit = String(ask.limit ?? '')
    const info = `["${who}",null,null]`
    const fields = [this.owner(who), ...what, ...until, String(ballot), info, limit, '']
    return this.#guarded('q_acquire', fields)
  }

  async back(who: string, ballot: number | string = '', more: Back = {}): Promise<Reply[]> {
    const { least = '', failed = false, ticket = '' } = more
    const fields = [this.owner(who), least, String(ballot), failed ? '1' : '', ticket]
    return this.#guarded('q_release', fields)
  }

  async #guarded(script: 'q_acquire' | 'q_release', fields: string[]): Promise<Reply[]> {
    const keys = [...this.keys, this.marker]
    const reply = await this.pair.call(script, keys, ['1 0 5000', ...fields])
    await this.pair.compareState(keys)
    return reply[3] as Reply[]
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

const TERMS = { mode: 'x', ttl: 60_000, claim: 2000, info: '["a",null,null]' } as const
const NO_LIMIT = { ms: '', run: '' }

/** What a release says of who comes next. */
const next = (reply: Reply[]): Reply[] => [reply[0]!, reply[2]!, reply[5]!]

const engines: ServerEngine[] = []
for (const engine of ['redis', 'valkey'] as const) {
  if ((await findServer({ engine })) !== null) engines.push(engine)
}

/** A busy machine may make a run say nothing: see Pair. Then it is done again. */
function both(title: string, run: () => Promise<void>): void {
  test(title, async () => {
    for (let tries = 5; ; tries--) {
      try {
        return await run()
      } catch (error) {
        if (tries === 0 || !(error instanceof Inconclusive)) throw error
      }
    }
  })
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

  both('one after the other, and the last leaves nothing', async () => {
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

  both(
    'a release asks for the time where one of its names needs it, or its call is guarded',
    async () => {
      const n = new Name()
      const others = keysOf(randomBytes(16).toString('hex'), 'lock:')
      let owners: string[] = []
      const ask = async (keys: readonly string[], owner: string): Promise<void> => {
        const fields = acquireFields(owner, TERMS, true, '', NO_LIMIT)
        owners.push(owner)
        await n.pair.call('acquire', keys, ['1', ...fields])
      }
      const release = async (version: string, keys: readonly string[]): Promise<unknown[]> => {
        const fields = packed(owners.slice(0, 2).map((owner) => releaseFields(owner, 0)))
        owners = []
        const reply = await n.pair.call('release', keys, [version, ...fields])
        expect(String(reply[3])).toMatch(/^released/)
        return reply.slice(0, 2).map((one) => one !== '')
      }
      const both = [...n.keys, ...others]
      await ask(n.keys, n.owner('a1'))
      await ask(others, n.owner('b1'))
      expect(await release('1', both)).toEqual([false, false])
      await n.node()
      await ask(n.keys, n.owner('a2'))
      await ask(others, n.owner('b2'))
      expect(await release('1 0 5000', [...both, n.marker])).toEqual([true, true])
      await ask(n.keys, n.owner('a3'))
      await ask(others, n.owner('b3'))
      await ask(others, n.owner('c1'))
      expect(await release('1', both)).toEqual([true, true])
      await ends(n)
    },
  )

  both('one that was asked to let go, granted by a message', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1')
    await n.acquire('a1')
    await n.acquire('b1')
    await n.release('a1')
    await n.force('2')
    expect((await n.release('b1'))[0]).toBe('released')
    await ends(n)
  })

  both(
    'who lingers is told that others want the name, at its grant and when they come',
    async () => {
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
    },
  )

  both('who was refused and does not wait makes it wanted, where nobody else waits', async () => {
    const n = new Name()
    await n.subscribe('a1')
    await n.acquire('a1', { linger: true })
    expect((await n.acquire('b1', { wait: false }))[0]).toBe('taken')
    expect(inbox.get(n.channel('a1'))).toHaveLength(1)
    await ends(n)
  })

  both('the next in line is told of another process if there is one', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    for (const who of ['b1', 'b2', 'c1']) await n.acquire(who)
    await n.release('a1')
    expect(inbox.get(n.channel('c1'))).toHaveLength(1)
    expect(inbox.get(n.channel('b1'))).toHaveLength(1)
    await ends(n)
  })

  for (const linger of [false, true])
    both(`who is dead is passed over (linger ${linger})`, async () => {
      const n = new Name()
      await n.subscribe('a1', 'b1', 'c1')
      await n.acquire('a1')
      await n.acquire('b1', { linger })
      await n.acquire('c1')
      await n.pair.unsubscribe(n.channel('b1'))
      expect(next(await n.release('a1'))).toEqual(['released', n.owner('c1'), 0])
      await ends(n)
    })

  both('readers and permits first in line go the long way', async () => {
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

  both('more permits than there are now, first in line behind somebody exclusive', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    await n.acquire('b1', { mode: 'p', weight: 3, limit: 3 })
    await n.pair.call('resize', n.keys, ['1', '2', '', ''])
    expect((await n.acquire('c1'))[0]).toBe('queued')
    await ends(n)
  })

  both('what somebody left in the set of those who share', async () => {
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

  both('a claim that ran out', async () => {
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

  both('a tenure that keeps the name a while goes the long way', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1')
    await n.acquire('a1')
    await n.acquire('b1')
    expect((await n.release('a1', '5000'))[0]).toBe('kept')
    await ends(n)
  })

  both('tokens: reserved, limited, and ahead of the clock', async () => {
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

  both(
    'a claim is no longer than the lease that was asked for, and keeps the line alive',
    async () => {
      const n = new Name()
      await n.subscribe('a1', 'b1', 'c1')
      await n.acquire('a1', { ttl: 400 })
      await n.acquire('b1', { ttl: 20_000, claim: 15_000 })
      await n.acquire('c1', { ttl: 1000, claim: 2000 })
      await n.release('a1')
      const [, , , end] = await n.release('b1')
      expect(Number(end) - Date.now()).toBeLessThan(1500)
      await ends(n)
    },
  )

  both('asked again, with a ticket, too late, without waiting', async () => {
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

  both('a line that is ahead of the clock', async () => {
    const n = new Name()
    await n.acquire('a1')
    await n.acquire('b1')
    await n.zadd(2, 2 ** 52, n.owner('b1'))
    expect((await n.acquire('c1'))[2]).toBe(String(2 ** 52 + 1))
    await ends(n)
  })

  both('holders of whom no record is left, and those of another library', async () => {
    const n = new Name()
    await n.pair.set(n.keys[0], n.owner('a1'), Date.now() + 60_000)
    expect((await n.acquire('b1'))[0]).toBe('queued')
    await n.release('a1')
    const other = new Name()
    await other.pair.set(other.keys[0], 'theirs', null)
    expect((await other.acquire('b1'))[4]).toBe('f')
    expect((await other.acquire('c1', { wait: false }))[1]).toBe('f')
  })

  both('a tenure that a stranger ended, and one that took its place', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    await n.pair.set(n.keys[0], n.owner('z9'), Date.now() + 60_000)
    expect((await n.acquire('b1'))[0]).toBe('queued')
    expect((await n.acquire('c1'))[0]).toBe('queued')
    expect((await n.release('z9'))[2]).toBe(n.owner('b1'))
    await ends(n)
  })

  both('records that somebody deleted, and one whose place is gone', async () => {
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

  /** Somewhat ahead of the clock, so that it counts whatever the node remembers. */
  const ballots = (): number => (Date.now() + 2000) * 1000

  both('a vote, the end of a tenure, the next vote', async () => {
    const n = new Name()
    await n.node()
    const t = ballots()
    expect((await n.vote('a1', t, { weight: 32 })).slice(0, 2)).toEqual(['granted', String(t)])
    expect(await n.back('a1', t)).toEqual(['released', '-', '', '-1', '', 0])
    // It never holds twice with a ballot that does not count any more.
    expect((await n.vote('a1', t))[0]).toBe('stale')
    expect((await n.vote('b1', t))[0]).toBe('stale')
    expect((await n.vote('b1', t + 1))[0]).toBe('stale')
    expect((await n.vote('b1', t + 2))[0]).toBe('granted')
    expect((await n.back('b1'))[0]).toBe('released')
    expect((await n.vote('a1', t + 9))[0]).toBe('granted')
    expect((await n.vote('a1', t + 10))[0]).toBe('granted')
    expect((await n.back('a1', t + 9))[0]).toBe('newer')
  })

  both('a vote that is taken back leaves the marks as they were', async () => {
    const n = new Name()
    await n.node()
    const t = ballots()
    await n.vote('a1', t)
    await n.back('a1', t)
    const marks = async (): Promise<string> => (await commands.get(n.keys[1]))!.split(' ')[1]!
    const before = await marks()
    await n.vote('b1', t + 5)
    expect(await marks()).not.toBe(before)
    await n.back('b1', t + 5, { failed: true })
    expect(await marks()).toBe(before)
    // The largest numbers that a ballot may be, and no number.
    await n.vote('c1', t + 50)
    expect((await n.back('c1', '9'.repeat(16)))[0]).toBe('released')
    await n.vote('d1', t + 99)
    await n.back('d1', '9'.repeat(17))
    await n.back('d1', 'x')
  })

  both('who was granted the name again meanwhile: its marks stand', async () => {
    const n = new Name()
    await n.node()
    const t = ballots()
    await n.vote('a1', t)
    await n.vote('a1', t + 5)
    expect((await n.back('a1', t + 5, { failed: true }))[0]).toBe('released')
    await n.pair.set(n.keys[1], `${t + 40} m${t + 30}/${t + 20} `, Date.now() + 60_000)
    await n.vote('b1', t + 41)
    // Somebody else's votes counted since.
    const text = (await commands.get(n.keys[1]))!.replace(
      /^\d+ m\d+\/\d+/,
      `${t + 60} m${t + 55}/${t + 50}`,
    )
    await n.pair.set(n.keys[1], text, Date.now() + 60_000)
    await n.back('b1', t + 41, { failed: true })
  })

  both('ballots that are too far ahead, too small, or none', async () => {
    const n = new Name()
    await n.node()
    const t = ballots()
    expect((await n.vote('a1', t + 120e6))[0]).toBe('ahead')
    // Nothing is known of the name: no ballot from before may count.
    expect((await n.vote('a1', t - 700e6))[0]).toBe('stale')
    expect((await n.vote('a1', 'x'))[0]).toBe('error')
    expect((await n.vote('a1', `0${t}`))[0]).toBe('error')
    expect((await n.vote('a1', t, { weight: 0 }))[0]).toBe('error')
    expect((await n.vote('a1', t, { weight: 1001 }))[0]).toBe('error')
    expect((await n.vote('a1', t, { notAfter: '1000' }))[0]).toBe('late')
    expect((await n.vote('a1', t, { mode: 's' }))[0]).toBe('granted')
  })

  both('a floor, a quarantine, another run, another epoch, and no marker', async () => {
    const n = new Name()
    const t = ballots()
    await n.node(`0 ${t + 10} ${run} 0 5000`)
    expect((await n.vote('a1', t))[0]).toBe('stale')
    expect((await n.vote('a1', t + 11))[0]).toBe('granted')
    let next = t + 40
    for (const marker of [
      `${Date.now() + 60_000} 0 ${run} 0 5000`,
      '0 0 another-run 0 5000',
      'text',
    ]) {
      await n.node(marker)
      expect((await n.back('a1'))[0]).toBe('released')
      await n.node(marker)
      expect((await n.vote('b1', next))[0]).toBe('quarantine')
      await n.node()
      expect((await n.vote('a1', (next += 10)))[0]).toBe('granted')
    }
    await n.node(`0 0 ${run} 1 5000`)
    expect((await n.vote('b1', t + 199))[0]).toBe('error')
    await n.node(`0 0 ${run} 0 6000`)
    expect((await n.back('a1'))[0]).toBe('error')
    await n.pair.del(n.marker)
    expect((await n.vote('b1', t + 199))[0]).toBe('quarantine')
  })

  both('who waits at a node, and who keeps the name a while', async () => {
    const n = new Name()
    await n.node()
    await n.subscribe('a1', 'b1')
    const t = ballots()
    await n.vote('a1', t)
    expect((await n.vote('b1', t + 5, { wait: true, ticket: '100' }))[0]).toBe('queued')
    expect((await n.back('a1', t))[0]).toBe('released')
    expect((await n.vote('a1', t + 5))[0]).toBe('taken')
    expect((await n.vote('b1', t + 6, { wait: true, ticket: '100' }))[0]).toBe('granted')
    await n.back('b1', t + 6)
    await n.vote('a1', t + 20)
    expect((await n.back('a1', t + 20, { least: '5000' }))[0]).toBe('kept')
    const other = new Name()
    await other.node()
    await other.vote('a1', t)
    expect((await other.back('a1', t, { ticket: '99' }))[0]).toBe('released')
    expect((await other.vote('b1', t + 6))[0]).toBe('taken')
    await ends(n)
  })

  both('what a server on its own wrote, and what somebody left', async () => {
    const n = new Name()
    await n.node()
    await n.acquire('a1')
    await n.release('a1')
    const t = ballots()
    expect((await n.vote('b1', t))[0]).toBe('granted')
    await n.back('b1')
    await n.zadd(3, Date.now() - 1000, n.owner('d1'))
    expect((await n.vote('c1', t + 9))[0]).toBe('granted')
    const other = new Name()
    await other.node()
    await other.acquire('a1')
    expect((await other.back('a1', t))[0]).toBe('released')
    await other.vote('b1', t + 9)
    await other.pair.set(other.keys[0], other.owner('z9'), Date.now() + 60_000)
    expect((await other.back('z9', t + 9))[0]).toBe('released')
    await other.vote('c1', t + 90, { ttl: 60 })
    await sleep(100)
    expect((await other.vote('c1', t + 99))[0]).toBe('granted')
  })

  /** Other scripts than those that most calls are; all is compared after it. */
  const ask = async (n: Name, script: 'turn' | 'waits', ...fields: string[]): Promise<Reply[]> => {
    const reply = await n.pair.call(script, n.keys, ['1', ...fields])
    await n.pair.compareState(n.keys)
    return reply[3] as Reply[]
  }

  const note = async (n: Name, who: string, text: string): Promise<void> => {
    await commands.hset(n.keys[4], n.owner(who), text)
    n.pair.memory.space.hset(n.keys[4], n.owner(who), text)
  }

  both('an heir that stands in line still, second: whoever released is told nothing', async () => {
    const n = new Name()
    await n.subscribe('a1', 'b1', 'c1')
    await n.acquire('a1')
    await n.acquire('b1')
    await n.acquire('c1')
    await n.forget('c1')
    const turned = await ask(n, 'turn', n.owner('a1'), n.owner('c1'), 'x', '60000', '', '', '')
    expect(turned[0]).toBe('turned')
    // It has a place and no record there.
    expect((await ask(n, 'waits', n.owner('c1')))[1]).toBe('')
    expect((await n.release('c1'))[2]).toBe(n.owner('b1'))
    expect(inbox.get(n.channel('c1'))).toEqual([])
    await ends(n)
  })

  both('a first in line whose record cannot be read is dropped', async () => {
    const n = new Name()
    await n.acquire('a1')
    await n.acquire('b1')
    await note(n, 'b1', 'some text')
    expect((await n.acquire('c1')).slice(0, 2)).toEqual(['queued', 0])
  })

  both('a record that reserves no token: the next one is larger all the same', async () => {
    const n = new Name()
    await n.acquire('a1')
    await n.acquire('b1')
    await note(n, 'b1', `x 0 60000 2000 - 0 ${Date.now()} 0 ["b1",null,null]`)
    await n.release('a1')
    const fence = (await commands.get(n.keys[1]))!.split(' ')
    expect(fence[0]).toBe(fence[8])
  })

  both('those who share and whom a stranger pushed out are back when it is released', async () => {
    for (const ask of [{ mode: 's' }, { mode: 'p', limit: 2 }] as const) {
      const n = new Name()
      await n.acquire('a1', ask)
      // One that wrote an owner id: any other value is no owner's to release.
      await n.pair.set(n.keys[0], n.owner('z9'), Date.now() + 60_000)
      await n.acquire('b1')
      expect((await n.release('z9')).slice(0, 3)).toEqual(['released', ask.mode, n.owner('a1')])
    }
    const n = new Name()
    await n.node()
    await n.subscribe('b1')
    const t = ballots()
    await n.vote('a1', t, { mode: 's' })
    await n.pair.set(n.keys[0], n.owner('z9'), Date.now() + 60_000)
    await n.vote('b1', t + 5, { wait: true, ticket: '100' })
    expect((await n.back('z9', t + 5)).slice(0, 3)).toEqual(['released', 's', n.owner('a1')])
    expect(inbox.get(n.channel('b1'))).toEqual([])
    await ends(n)
  })

  both('a vote that comes back with its ticket, and finds its line deleted', async () => {
    const n = new Name()
    await n.node()
    const t = ballots()
    await n.vote('a1', t)
    await n.vote('b1', t + 5, { wait: true, ticket: '100' })
    await n.pair.del(n.keys[2])
    expect((await n.back('a1', t))[0]).toBe('released')
    expect((await n.vote('b1', t + 40, { wait: true, ticket: '100' }))[0]).toBe('granted')
    expect(await commands.exists(n.keys[4])).toBe(0)
    const other = new Name()
    await other.node()
    await other.pair.zset(other.keys[4])
    expect((await other.vote('b1', t, { wait: true, ticket: '100' }))[0]).toBe('error')
  })

  both('a vote whose record was deleted, alone in line: nobody waits then', async () => {
    for (const wait of [true, false]) {
      const n = new Name()
      await n.node()
      const t = ballots()
      await n.vote('a1', t, { mode: 's', ttl: 300 })
      await n.vote('b1', t + 5, { wait: true, ticket: '100' })
      await n.forget('b1')
      // What is left of the records when the reader's time is up.
      expect((await n.force('0'))[0]).toBe('asked')
      await sleep(350)
      expect((await n.vote('b1', t + 40, { wait, ticket: '100' }))[0]).toBe('granted')
      expect(await commands.exists(n.keys[4])).toBe(0)
    }
  })

  both('who asks again for a vote is offered the name, though its record was deleted', async () => {
    const n = new Name()
    await n.node()
    await n.subscribe('b1')
    const t = ballots()
    await n.vote('a1', t)
    await n.vote('b1', t + 5, { wait: true, ticket: '100' })
    await n.forget('b1')
    expect((await n.vote('b1', t + 9, { wait: true, ticket: '100' })).slice(0, 4)).toEqual([
      'queued',
      0,
      '100',
      0,
    ])
    expect((await n.back('a1', t))[0]).toBe('released')
    expect(inbox.get(n.channel('b1'))).toHaveLength(1)
    await ends(n)
  })
})
