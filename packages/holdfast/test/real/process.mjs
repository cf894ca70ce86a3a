// A process of its own, told what to do by its parent: see process.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'

let redis
let locks
const held = new Map()

const asks = {
  async connect({ url }) {
    redis?.disconnect()
    redis = new Redis(url)
    locks = new Holdfast(redis)
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
