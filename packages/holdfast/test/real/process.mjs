// A process of its own, told what to do by its parent: see process.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { Cluster, Redis } from 'ioredis'

let redis
let locks
const held = new Map()

const asks = {
  async connect({ url, nodes }) {
    redis?.disconnect()
    redis = nodes ? new Cluster(nodes) : new Redis(url)
    locks = new Holdfast(redis, { localHandovers: 0 })
    // A sample of the server's clock, and the scripts loaded, as in a process that has locked before.
    await locks.mutex(`warm-up:${process.pid}`).use(() => {})
    return null
  },
  async acquire({ name, options }) {
    const lock = await locks.mutex(name, options).acquire()
    held.set(name, lock)
    return { fence: lock.fence, owner: lock.owner }
  },
  release: ({ name }) => held.get(name).release(),
  /** Takes the lock `times` at once, and counts in a way that only exclusion makes right. */
  work: ({ name, options, id, times }) =>
    Promise.all(
      Array.from({ length: times }, () =>
        locks.mutex(name, options).use(async (lock) => {
          const before = Number(await redis.get('counter'))
          await redis.rpush('order', id)
          await sleep(1)
          await redis.set('counter', before + 1)
          return lock.fence
        }),
      ),
    ),
  /** Takes permits, few or many, and adds them to what is in use: the highest sum is the judge's. */
  async permits({ name, limit, most, times, options }) {
    const semaphore = locks.semaphore(name, { limit, ...options })
    let highest = 0
    let cancelled = 0
    const one = async () => {
      const permits = 1 + Math.floor(Math.random() * most)
      const end = new AbortController()
      const cancel = Math.random() < 0.2
      if (cancel) setTimeout(() => end.abort(new Error('cancelled')), Math.random() * 30)
      const { signal } = end
      try {
        await semaphore.use(
          async () => {
            highest = Math.max(highest, await redis.incrby('used', permits))
            await sleep(Math.random() * 4)
            await redis.decrby('used', permits)
          },
          { permits, signal },
        )
      } catch (error) {
        if (!cancel) throw error
        cancelled++
      }
    }
    await Promise.all(Array.from({ length: times }, one))
    return { highest, cancelled }
  },
  /** Holds one name, waits for as many others to hold theirs, and asks for a second inside of it. */
  async nest({ own, next, ready, count, options }) {
    const since = { at: 0 }
    try {
      const took = await locks.mutex(own, options).use(async () => {
        await redis.incr(ready)
        while (Number(await redis.get(ready)) < count) await sleep(5)
        since.at = performance.now()
        return locks.mutex(next, options).use(() => performance.now())
      })
      return { got: true, ms: took - since.at }
    } catch (error) {
      const cycle = (error.cycle ?? []).map(({ name, waitsFor }) => [name, waitsFor.name])
      return { got: false, ms: performance.now() - since.at, code: error.code, cycle }
    }
  },
  /** Takes two of the names together, `times` at once, and counts for each name as `work` does. */
  pairs: ({ names, times }) =>
    Promise.all(
      Array.from({ length: times }, async () => {
        const pair = [...names].sort(() => Math.random() - 0.5).slice(0, 2)
        await locks.all(pair, { wait: 60_000 }).use(async () => {
          const before = await Promise.all(pair.map((name) => redis.get(`counter:${name}`)))
          await sleep(1)
          await Promise.all(
            pair.map((name, i) => redis.set(`counter:${name}`, Number(before[i]) + 1)),
          )
        })
        return pair
      }),
    ),
  async close() {
    await locks.close()
    return null
  },
}

async function answer({ id, op, args }) {
  try {
    process.send({ id, result: await asks[op](args) })
  } catch (error) {
    process.send({ id, error: `${error.code ?? ''} ${error.message}` })
  }
}
process.on('message', (message) => void answer(message))
// Nobody is left to ask.
process.on('disconnect', () => process.exit())
