// A process of many locks, told by lines of its stdin what to do: JSON lists such as ["stand", "a", 1, 500]. It says what
// came of it, and lets go of everything when its stdin ends.
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { Holdfast } from 'holdfast'

const redis = new Redis(process.argv[2])
const locks = new Holdfast(redis, { history: true, localHandovers: 0 })
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`)
const stop = new AbortController()

let on = new AbortController()
/** Of ["change", n]: what is held. */
let held = []
const doing = {
  /** So many calls in line, the first of them `waiter <from>`. Each lets go at once, but the named, which do at "on". */
  stand: async (name, from, count, named) => {
    const one = async (i) => {
      const lock = await locks
        .mutex(name, { label: `waiter ${i}`, ttl: '10m' })
        .acquire({ wait: Infinity, signal: stop.signal })
      if (named.includes(i)) {
        say('holds', i)
        await new Promise((end) => on.signal.addEventListener('abort', end))
      }
      await lock.release()
    }
    await Promise.all(Array.from({ length: count }, (_, i) => one(from + i)))
  },
  on: async () => {
    on.abort()
    on = new AbortController()
  },
  /** All of so many names change hands; who has them says which time it is. */
  change: async (count, round) => {
    await Promise.all(held.map((lock) => lock.release()))
    held = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        locks
          .mutex(`row:${String(i).padStart(4, '0')}`, { label: `round ${round}`, ttl: '10m' })
          .acquire(),
      ),
    )
    say('changed', round)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...rest] = JSON.parse(line)
  doing[what](...rest).catch((error) => {
    if (!stop.signal.aborted) say('error', error.code, error.message)
  })
}
stop.abort()
await locks.close()
redis.disconnect()
