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
}
const sha1 = (text) => createHash('sha1').update(text).digest('hex')
const hashes = { publish: sha1(scripts.publish), swap: sha1(scripts.swap) }
const NAME = 'bench:handover'
const KEY = '{bench:handover}:swap'

export const now = () => Number(process.hrtime.bigint())

/** One side of the pair. `me` and `other` are 0 and 1. */
export async function makePeer(url, me) {
  const other = 1 - me
  const redis = new Redis(url)
  const own = new Redis(url)
  for (const text of Object.values(scripts)) await redis.script('LOAD', text)
  const channel = (kind, side) => `{bench:handover}:${kind}:${side}`
  await own.subscribe(channel('publish', me), channel('swap', me))
  let receive = null
  own.on('message', () => receive?.(now()))
  const locks = new Holdfast(redis)
  const mutex = locks.mutex(NAME)
  let lock = null

  let queued = null
  subscribe('holdfast:queued', () => queued?.())

  // `wait` tells when it is ready to be handed to, and when it was. Each asks the server once
  // before, so that all begin with connections that have just been used.
  const yardstick = (kind, args) => ({
    wait: async (ready) => {
      const arrived = new Promise((resolve) => (receive = resolve))
      await redis.ping()
      ready()
      return arrived
    },
    send: async () => {
      const start = now()
      await redis.evalsha(hashes[kind], 2, channel(kind, other), KEY, ...args)
      return start
    },
  })
  const kinds = {
    publish: yardstick('publish', [`1 grant ${'0'.repeat(100)}`, '']),
    swap: yardstick('swap', [String(me), String(other)]),
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
      if (kind === 'swap') await redis.set(KEY, '0')
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
