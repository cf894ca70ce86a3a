// A process that locks by one of the other Node libraries: see peer.ts for what it can be asked.
//
//   node node-peer.mjs <library> <host> <port>
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(import.meta.url)
const [library, host, port] = process.argv.slice(2)

const RETRY_MS = 20
const once = { retryCount: 0 }
const patiently = { retryCount: -1, retryDelay: RETRY_MS, retryJitter: RETRY_MS }

/**
 * How each library takes a lock: once or patiently. A take gives null, or a holder whose release and
 * extend say whether the library believes that it did something; null where it does not tell.
 */
const libraries = {
  async redlock4() {
    const Redlock = require('redlock4')
    const redis = ioredis()
    const make = (settings) => new Redlock([redis], settings)
    const [oneTry, many] = [make(once), make(patiently)]
    const take = async (redlock, name, ms) => {
      const lock = await redlock.lock(name, ms).catch(refused('LockError'))
      return (
        lock && {
          release: () => did(lock.unlock(), 'LockError'),
          extend: () => did(lock.extend(ms), 'LockError'),
        }
      )
    }
    return { redis, take: take.bind(null, oneTry), wait: take.bind(null, many) }
  },
  async redlock5() {
    const Redlock = require('redlock5').default
    const redis = ioredis()
    const make = (settings) => new Redlock([redis], settings)
    const [oneTry, many] = [make(once), make(patiently)]
    const take = async (redlock, name, ms) => {
      let lock = await redlock.acquire([name], ms).catch(refused('ExecutionError'))
      // Without retries: what is not ours now will not be ours a moment later.
      return (
        lock && {
          release: () => did(oneTry.release(lock), 'ExecutionError'),
          extend: () => {
            const extended = oneTry.extend(lock, ms).then((next) => (lock = next))
            return did(extended, 'ExecutionError')
          },
        }
      )
    }
    return { redis, take: take.bind(null, oneTry), wait: take.bind(null, many) }
  },
  async 'redis-semaphore'() {
    const { Mutex } = require('redis-semaphore')
    const redis = ioredis()
    const take = async (attempts, name, ms) => {
      const mutex = new Mutex(redis, name, {
        lockTimeout: ms,
        refreshInterval: 0,
        acquireTimeout: 60_000,
        acquireAttemptsLimit: attempts,
        retryInterval: RETRY_MS,
      })
      if (!(await mutex.tryAcquire())) return null
      return {
        release: async () => {
          await mutex.release()
          return null
        },
        // What its refresh timer calls.
        extend: () => mutex._refresh(),
      }
    }
    return { redis, take: take.bind(null, 1), wait: take.bind(null, Infinity) }
  },
  async 'simple-redis-mutex'() {
    const { lock, tryLock } = require('simple-redis-mutex')
    const redis = ioredis()
    const client = require('redis').createClient({ socket: { host, port: Number(port) } })
    client.on('error', () => {})
    await client.connect()
    const holder = (release) => ({
      release: async () => {
        await release()
        return null
      },
      extend: async () => {
        await release.refreshTimeout()
        return null
      },
    })
    return {
      redis,
      async take(name, timeout) {
        const [held, release] = await tryLock(client, name, { timeout })
        return held ? holder(release) : null
      },
      wait: async (name, timeout) =>
        holder(await lock(client, name, { timeout, pollingInterval: RETRY_MS })),
    }
  },
}

function ioredis() {
  const { Redis } = require('ioredis')
  const redis = new Redis({ host, port: Number(port) })
  redis.on('error', () => {})
  return redis
}

/** The library's way to say no; anything else is trouble. */
const refused = (name) => (error) => {
  if (error.name === name) return null
  throw error
}

const did = (promise, no) => promise.then(() => true, refused(no)).then((done) => done === true)

const { redis, take, wait } = await libraries[library]()
const held = new Map()

const asks = {
  hello: () => true,
  async take({ name, ms }) {
    const holder = await take(name, ms)
    if (holder) held.set(name, holder)
    return holder !== null
  },
  release: ({ name }) => held.get(name).release(),
  extend: ({ name }) => held.get(name).extend(),
  /** Counts under the lock, in a way that only exclusion makes right. */
  async work({ name, times, tag }) {
    for (let i = 0; i < times; i++) {
      const holder = await wait(name, 60_000)
      const before = Number(await redis.get('counter'))
      await redis.rpush('order', tag)
      await sleep(1)
      await redis.set('counter', before + 1)
      await holder.release()
    }
    return times
  },
}

async function answer({ id, op, ...args }) {
  let reply
  try {
    reply = { id, result: await asks[op](args) }
  } catch (error) {
    reply = { id, error: `${error.name}: ${error.message}` }
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => void answer(JSON.parse(line)))
// Nobody is left to ask.
lines.on('close', () => process.exit())
