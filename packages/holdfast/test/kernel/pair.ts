import type { Redis } from 'ioredis'
import { expect } from 'vitest'
import type { Reply } from '../../src/clients/port.js'
import { SortedSet } from '../../src/kernel/memory/sorted-set.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'
import { Stream } from '../../src/kernel/memory/stream.js'
import { scripts } from '../../src/kernel/scripts.gen.js'

/** Nearer to the end of a key than this, the two may rightly disagree on whether it is over. */
const edge = 3

/** An expiry too near to a call: nothing can be concluded from the sequence any more. */
export class Inconclusive extends Error {}

/** Keys as both sides have them after a sequence; of a stream without the names of its fields. */
const dump = `
local time = redis.call('TIME')
local out = { time[1] * 1000 + math.floor(time[2] / 1000) }
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  local value = ''
  if kind == 'string' then value = redis.call('GET', key) end
  if kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'stream' then
    value = {}
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
      value[#value + 1] = entry[1]
      for j = 2, #entry[2], 2 do value[#value + 1] = entry[2][j] end
    end
  end
  if kind == 'hash' then value = redis.call('HGETALL', key) end
  local ends = redis.pcall('PEXPIRETIME', key)
  if type(ends) ~= 'number' then ends = out[1] + redis.call('PTTL', key) end
  out[#out + 1] = { kind, value, ends }
end
return out`

/** What the command TIME answers: seconds, and microseconds. */
type Time = readonly (string | number)[]

const ms = ([seconds, us]: Time): number => Math.floor(Number(seconds) * 1e3 + Number(us) / 1e3)

interface Connections {
  readonly commands: Redis
  /** In subscriber mode; its messages go to `inbox`. */
  readonly messages: Redis
  readonly inbox: Map<string, string[]>
  /** Every kind of reply and message that came up. */
  readonly seen: Set<string>
}

/** The same calls on a real server and on one in memory. */
export class Pair {
  readonly memory: MemoryServer
  readonly #real: Connections
  readonly #sent = new Map<string, string[]>()
  readonly #open = new Map<string, () => void>()
  #us = 0

  constructor(real: Connections, run: string) {
    this.#real = real
    this.memory = new MemoryServer({ now: () => this.#us })
    this.memory.runId = run
  }

  /** Runs a script on both and compares. Returns what both said. */
  async call(
    script: keyof typeof scripts,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<readonly Reply[]> {
    await this.#keepAwayFromEdges()
    const { sha1 } = scripts[script]
    const { commands } = this.#real
    // In one pipeline, so that the script's own time lies close between the two others.
    const [before, said, after] = await Promise.all([
      commands.time(),
      commands.evalsha(sha1, keys.length, ...keys, ...args),
      commands.time(),
    ])
    const real = said as readonly Reply[]
    // Where nothing hung on the time it may be any between the two.
    this.#setTime(Number(real[0]) || Number(before[0]) * 1e6 + Number(before[1]), before, after)
    const memory = this.memory.execute(script, keys, args) as readonly Reply[]
    this.#assertNoEdge(before, after)
    const both = JSON.stringify({ args, real, memory, from: ms(before), to: ms(after) })
    expect(real, `reply of ${script}: ${both}`).toEqual(memory)
    for (const item of memory.slice(3)) if (Array.isArray(item)) this.#real.seen.add(`${item[0]}`)
    return memory
  }

  async subscribe(channel: string): Promise<void> {
    if (this.#open.has(channel)) return
    if (!this.#real.inbox.has(channel)) this.#real.inbox.set(channel, [])
    await this.#real.messages.subscribe(channel)
    const log = this.#sent.get(channel) ?? []
    this.#sent.set(channel, log)
    this.#open.set(
      channel,
      this.memory.subscribe(channel, (message) => log.push(message)),
    )
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#real.messages.unsubscribe(channel)
    this.#open.get(channel)?.()
    this.#open.delete(channel)
  }

  async set(key: string, value: string, ends: number | null): Promise<void> {
    if (ends === null) await this.#real.commands.set(key, value)
    else await this.#real.commands.set(key, value, 'PXAT', ends)
    this.memory.space.set(key, value, ends)
  }

  async del(key: string): Promise<void> {
    await this.#real.commands.del(key)
    this.memory.del(key)
  }

  async hdel(key: string, field: string): Promise<void> {
    await this.#real.commands.hdel(key, field)
    this.memory.space.hdel(key, field)
  }

  async zrem(key: string, member: string): Promise<void> {
    await this.#real.commands.zrem(key, member)
    this.memory.space.zrem(key, member)
  }

  async zset(key: string): Promise<void> {
    await this.del(key)
    await this.#real.commands.zadd(key, 7, 'stranger')
    this.memory.space.zadd(key, 7, 'stranger')
  }

  async hash(key: string): Promise<void> {
    await this.del(key)
    await this.#real.commands.hset(key, 'stranger', 'text')
    this.memory.space.hset(key, 'stranger', 'text')
  }

  /** Compares the keys themselves, and every message since the beginning. */
  async compareState(keys: readonly string[]): Promise<void> {
    await this.#keepAwayFromEdges()
    const { commands } = this.#real
    const [before, dumped, after] = await Promise.all([
      commands.time(),
      commands.eval(dump, keys.length, ...keys),
      commands.time(),
    ])
    const [now, ...all] = dumped as [number, ...[string, string | string[], number][]]
    this.#setTime(now * 1000, before, after)
    const { space } = this.memory
    for (const [i, key] of keys.entries()) {
      const [kind, value, ends] = all[i] as [string, string | string[], number]
      const ours = space.peek(key)
      const shown =
        ours instanceof SortedSet
          ? ours.slice(0, ours.size).flatMap((one) => [one.member, String(one.score)])
          : ours instanceof Stream
            ? ours
                .read(false, null, Infinity)
                .flatMap(({ ms, seq, values }) => [`${ms}-${seq}`, ...values])
            : ours
      const theirs = kind === 'hash' ? pairs(value as string[]) : kind === 'none' ? null : value
      expect(theirs, `state of ${key}`).toEqual(shown)
      const expiry = ends < 0 ? null : ends
      expect(expiry, `expiry of ${key}`).toBe(space.expiry(key))
    }
    await this.#compareMessages()
  }

  async close(): Promise<void> {
    for (const channel of this.#open.keys()) await this.unsubscribe(channel)
  }

  async #compareMessages(): Promise<void> {
    // The server writes to a connection in order: what was published comes before this answer.
    await this.#real.messages.ping()
    for (const [channel, sent] of this.#sent) {
      const real = this.#real.inbox.get(channel) ?? []
      for (const message of real) this.#real.seen.add(`push-${message.split(' ')[1]}`)
      expect(real, `messages to ${channel}`).toEqual(sent)
    }
  }

  #ends(): number[] {
    const { space } = this.memory
    return space.keys().flatMap((key) => {
      const value = space.peek(key)
      const members =
        value instanceof SortedSet ? value.slice(0, value.size).map(({ score }) => score) : []
      return [...members, space.expiry(key) ?? 0]
    })
  }

  async #keepAwayFromEdges(): Promise<void> {
    for (;;) {
      const now = Date.now()
      const ends = this.#ends().filter((end) => end >= now - edge - 2 && end < now + 12)
      if (ends.length === 0) return
      await new Promise((resolve) => setTimeout(resolve, Math.max(...ends) - now + edge + 3))
    }
  }

  /**
   * A server may be held up before a script reads the time, when it has settled already which keys are
   * over; and while the script runs, an expiry that is written and has passed deletes the key at once
   * (Redis 7.0). Both on a busy machine, and both right.
   */
  #assertNoEdge(before: Time, after: Time): void {
    const [from, to] = [ms(before) - edge, ms(after) + edge]
    if (this.#ends().some((end) => end >= from && end <= to)) throw new Inconclusive()
  }

  /** Before the time is set, the keys still stand as they did before this call. */
  #setTime(us: number, before: Time, after: Time): void {
    this.#assertNoEdge(before, after)
    this.#us = us
    this.memory.keys()
  }
}

const pairs = (flat: readonly string[]): Map<string, string> =>
  new Map(flat.flatMap((field, i) => (i % 2 === 0 ? [[field, String(flat[i + 1])]] : [])))
