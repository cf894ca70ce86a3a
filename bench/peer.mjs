// The other process of handover.mjs: does what it is told, one step at a time.
import { createHash } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'

/** The yardsticks: the same shape, a script and a message, without anything that makes it a lock. */
export const scripts = {
  publish: "return redis.call('PUBLISH', KEYS[1], ARGV[1])",
  swap: `if redis.call('GET', KEYS[2]) == ARGV[1] then
redis.call('SET', KEYS[2], ARGV[2], 'PX', 10000)
return redis.call('PUBLISH', KEYS[1], ARGV[2])
end
return -1`,
  // The least that a hand-over of a lease with a line, a token and a clock can do: the owner is
  // compared, the head of the line granted with an absolute expiry and the next token, and told both
  // with the server's time and run. Nothing is checked that a well-behaved pair does not need.
  least: `local call = redis.call
local time = call('TIME')
local us = time[1] .. string.sub('00000' .. time[2], -6)
local info = call('INFO', 'server')
local _, at = string.find(info, 'run_id:', 1, true)
local run = string.sub(info, at + 1, at + 16)
if call('GET', KEYS[2]) ~= ARGV[1] then return -1 end
local last = tonumber(call('GET', KEYS[3]) or '0')
local head = call('ZRANGE', KEYS[4], 0, 0)[1]
local record = call('HGET', KEYS[5], head)
local ends = string.format('%.0f', tonumber(string.sub(us, 1, -4)) + record)
local token = string.format('%.0f', math.max(tonumber(us), last + 1))
call('SET', KEYS[2], head, 'PXAT', ends)
call('SET', KEYS[3], token, 'PX', 600000)
call('ZREM', KEYS[4], head)
call('HDEL', KEYS[5], head)
return call('PUBLISH', KEYS[1], head .. ' ' .. token .. ' ' .. us .. ' ' .. ends .. ' ' .. run)`,
}
const sha1 = (text) => createHash('sha1').update(text).digest('hex')
const hashes = Object.fromEntries(Object.entries(scripts).map(([kind, text]) => [kind, sha1(text)]))
const NAME = 'bench:handover'
const KEY = '{bench:handover}:swap'
const [FENCE, LINE, META] = ['fence', 'line', 'meta'].map((part) => `{bench:handover}:${part}`)

export const now = () => Number(process.hrtime.bigint())

/** One side of the pair. `me` and `other` are 0 and 1. */
export async function makePeer(url, me) {
  const other = 1 - me
  const redis = new Redis(url)
  const own = new Redis(url)
  for (const text of Object.values(scripts)) await redis.script('LOAD', text)
  const channel = (kind, side) => `{bench:handover}:${kind}:${side}`
  await own.subscribe(...Object.keys(scripts).map((kind) => channel(kind, me)))
  let receive = null
  own.on('message', () => receive?.(now()))
  const locks = new Holdfast(redis)
  const mutex = locks.mutex(NAME)
  let lock = null

  let queued = null
  subscribe('holdfast:queued', () => queued?.())

  // `wait` tells when it is ready to be handed to, and when it was. Each asks the server once
  // before, so that all begin with connections that have just been used.
  const yardstick = (kind, args, stand = () => redis.ping()) => ({
    wait: async (ready) => {
      const arrived = new Promise((resolve) => (receive = resolve))
      await stand()
      ready()
      return arrived
    },
    send: async () => {
      const start = now()
      const keys = [channel(kind, other), KEY, FENCE, LINE, META]
      await redis.evalsha(hashes[kind], keys.length, ...keys, ...args)
      return start
    },
  })
  const kinds = {
    publish: yardstick('publish', [`1 grant ${'0'.repeat(100)}`, '']),
    swap: yardstick('swap', [String(me), String(other)]),
    least: yardstick('least', [String(me)], () =>
      redis.multi().zadd(LINE, now(), me).hset(META, me, 2000).exec(),
    ),
    holdfast: {
      wait: async (ready) => {
        queued = ready
        lock = await mutex.acquire()
        return now()
      },
      send: async () => {
        const start = now()
        await lock.release()
        return start
      },
    },
  }
  return {
    kinds,
    /** Side 0 is the first to hand over. */
    begin: async (kind) => {
      if (kind === 'swap' || kind === 'least') await redis.set(KEY, '0')
      if (kind === 'holdfast') lock = await mutex.acquire()
    },
    end: async (kind) => {
      if (kind === 'holdfast') await lock.release()
    },
    redis,
    close: async () => {
      await locks.close()
      own.disconnect()
      redis.disconnect()
    },
  }
}

if (process.argv[1] === import.meta.filename && process.send) {
  const peer = await makePeer(process.argv[2], 1)
  const steps = {
    wait: async (kind) => {
      const at = await peer.kinds[kind].wait(() => process.send({ type: 'parked' }))
      process.send({ type: 'arrived', at })
    },
    send: async (kind) => process.send({ type: 'sent', at: await peer.kinds[kind].send() }),
  }
  process.on('message', ({ step, kind }) => void steps[step](kind))
  process.on('disconnect', () => process.exit(0))
  process.send({ type: 'ready' })
}
