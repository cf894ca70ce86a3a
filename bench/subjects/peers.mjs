// Other libraries, each used as its own documentation says. "Tuned" is what somebody would set who wants a
// lock soon and does not give up: they all poll every 10 ms then, with jitter where the library has it.
// With `documented` the retry settings are the library's own defaults.
const JITTER = 5
const FOREVER = 1_000_000

/** Holds a lock inside of a function that the library calls: how most of them renew. What it gives ends it. */
function inside(run) {
  return new Promise((resolve, reject) => {
    let done
    const over = new Promise((end) => (done = end))
    const ended = run(() => {
      resolve(() => {
        done()
        return ended
      })
      return over
    })
    ended.catch(reject)
  })
}

const end = (done) => done()
const release = (lock) => lock.release()
const unlock = (lock) => lock.unlock()

const peer = (subject) => ({
  kind: 'peer',
  client: 'ioredis',
  waits: true,
  ...subject,
})

const none = ['fencing token', 'loss signal', 'order', 'renewal']
const redlockTuned = 'retryCount -1, retryDelay 10, retryJitter 5'
const redlockDocumented = 'retryCount 10, retryDelay 200, retryJitter 100'

/** redlock 5 and the library that goes on from it. */
const redlock5 = (redlock, ttl) => ({
  lock: (name) => ({
    acquire: () => redlock.acquire([name], ttl),
    release,
  }),
  hold: (name) => inside((body) => redlock.using([name], ttl, body)),
  letGo: end,
})
const retries = (documented) =>
  documented ? {} : { retryCount: -1, retryDelay: 10, retryJitter: JITTER }

export const peers = [
  peer({
    id: 'redlock4',
    title: 'redlock 4',
    package: 'redlock4',
    client: 'ioredis5',
    quorum: true,
    setup: redlockTuned,
    documented: redlockDocumented,
    lacks: none,
    async take(clients, { ttl, documented }) {
      const { default: Redlock } = await import('redlock4')
      const redlock = new Redlock(clients, retries(documented))
      redlock.on('clientError', () => {})
      return {
        lock: (name) => ({ acquire: () => redlock.lock(name, ttl), release: unlock }),
        release: unlock,
      }
    },
  }),
  peer({
    id: 'redlock5',
    title: 'redlock 5 beta',
    package: 'redlock5',
    client: 'ioredis5',
    quorum: true,
    renews: true,
    setup: redlockTuned,
    documented: redlockDocumented,
    lacks: ['fencing token', 'order'],
    async take(clients, { ttl, documented }) {
      const { default: Redlock } = await import('redlock5')
      return redlock5(new Redlock(clients, retries(documented)), ttl)
    },
  }),
  peer({
    id: 'sesamecare',
    title: '@sesamecare-oss/redlock',
    package: '@sesamecare-oss/redlock',
    quorum: true,
    renews: true,
    setup: redlockTuned,
    documented: redlockDocumented,
    lacks: ['fencing token', 'order'],
    async take(clients, { ttl, documented }) {
      const { Redlock } = await import('@sesamecare-oss/redlock')
      return redlock5(new Redlock(clients, retries(documented)), ttl)
    },
  }),
  peer({
    id: 'redis-semaphore',
    title: 'redis-semaphore',
    package: 'redis-semaphore',
    quorum: true,
    renews: true,
    setup:
      'Mutex, of several servers RedlockMutex; retryInterval 10 (its default), acquireTimeout 60 s',
    documented: 'retryInterval 10, acquireTimeout 10 s',
    lacks: ['fencing token', 'order'],
    async take(clients, { ttl, documented }) {
      const { Mutex, RedlockMutex } = await import('redis-semaphore')
      const options = { lockTimeout: ttl, ...(documented ? {} : { acquireTimeout: 60_000 }) }
      const make =
        clients.length === 1
          ? (name) => new Mutex(clients[0], name, options)
          : (name) => new RedlockMutex(clients, name, options)
      return {
        lock: (name) => ({
          async acquire() {
            const mutex = make(name)
            await mutex.acquire()
            return mutex
          },
          release,
        }),
        release,
      }
    },
  }),
  peer({
    id: 'redlock-universal',
    title: 'redlock-universal',
    package: 'redlock-universal',
    quorum: true,
    renews: true,
    setup: 'retryDelay 10, no limit of attempts, circuit breaker off',
    documented: 'retryAttempts 3, retryDelay 100',
    lacks: ['fencing token', 'order', 'jitter'],
    async take(clients, { ttl, documented }) {
      const { createLock, createRedlock, IoredisAdapter } = await import('redlock-universal')
      const adapters = clients.map((client) => new IoredisAdapter(client))
      const patient = documented ? {} : { retryAttempts: FOREVER, retryDelay: 10 }
      const make = (key) =>
        adapters.length === 1
          ? createLock({
              adapter: adapters[0],
              key,
              ttl,
              ...patient,
              ...(documented ? {} : { circuitBreaker: false }),
            })
          : createRedlock({ adapters, key, ttl, ...patient })
      return {
        lock(name) {
          const lock = make(name)
          return { acquire: () => lock.acquire(), release: (handle) => lock.release(handle) }
        },
        hold: (name) => inside((body) => make(name).using(body)),
        letGo: end,
      }
    },
  }),
  peer({
    id: 'redis-kit',
    title: '@redis-kit/lock',
    package: '@redis-kit/lock',
    client: 'redis5',
    quorum: true,
    renews: true,
    setup: 'retryDelayMs 5, retryJitterMs 10, no limit of attempts',
    documented: 'maxRetryAttempts 3, retryDelayMs 200, retryJitterMs 100',
    lacks: ['fencing token', 'loss signal', 'order'],
    async take(clients, { ttl, documented }) {
      const { Redlock } = await import('@redis-kit/lock')
      const patient = { maxRetryAttempts: FOREVER, retryDelayMs: 5, retryJitterMs: 10 }
      const redlock = new Redlock(clients, documented ? {} : patient)
      const acquire = async (name) => {
        const lock = await redlock.acquire(name, ttl)
        if (lock === null) throw new Error('not acquired')
        return lock
      }
      return {
        lock: (name) => ({ acquire: () => acquire(name), release }),
        async hold(name) {
          const lock = await acquire(name)
          lock.startAutoExtension()
          return lock
        },
        letGo: release,
      }
    },
  }),
  peer({
    id: 'simple-redis-mutex',
    title: 'simple-redis-mutex',
    package: 'simple-redis-mutex',
    client: 'redis',
    setup: 'defaults: waits for a message that somebody released, and polls every 10 s',
    lacks: ['fencing token in the order of grants', 'renewal', 'loss signal'],
    async take([client], { ttl }) {
      const { lock } = await import('simple-redis-mutex')
      return {
        lock: (name) => ({ acquire: () => lock(client, name, { timeout: ttl }), release: end }),
        release: end,
      }
    },
  }),
  peer({
    id: 'verrou',
    title: '@verrou/core',
    package: '@verrou/core',
    client: 'ioredis5',
    setup: 'retry delay 10, no limit of attempts',
    documented: 'retry delay 250, no limit of attempts',
    lacks: [...none, 'jitter'],
    async take([client], { ttl, documented }) {
      const { Verrou } = await import('@verrou/core')
      const { redisStore } = await import('@verrou/core/drivers/redis')
      const store = { driver: redisStore({ connection: client }) }
      const verrou = new Verrou({ default: 'redis', stores: { redis: store } })
      const options = documented ? {} : { retry: { delay: 10 } }
      return {
        lock: (name) => ({
          async acquire() {
            const lock = verrou.createLock(name, ttl)
            if (!(await lock.acquire(options))) throw new Error('not acquired')
            return lock
          },
          release,
        }),
        release,
      }
    },
  }),
]
