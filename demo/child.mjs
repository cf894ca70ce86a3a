// One of the processes that contend. It hears `go` and `stop` from the parent and tells it of every
// critical section, at once: what it has not said when it is killed, it has not done.
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'
import { nameFor, stopper, work } from './work.mjs'

const { url, prefix, names, waiters, ttl, process: id, sabotage } = JSON.parse(process.argv[2])

// Ctrl-C reaches the whole process group; the parent decides. It is gone when the channel closes.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit(0))

const redis = new Redis(url)
// Holdfast's own errors tell what matters; without a listener ioredis would print each of them.
redis.on('error', () => {})
const locks = new Holdfast(redis, { prefix: `${prefix}lock:` })
const counters = {
  get: async (name) => Number((await redis.get(`${prefix}counter:${name}`)) ?? 0),
  set: (name, value) => redis.set(`${prefix}counter:${name}`, value),
}
const report = (message) => process.send(message)
const stop = stopper()

async function perform() {
  const all = Array.from({ length: waiters }, (_, i) =>
    work({
      locks,
      counters,
      name: nameFor(names, Number(id.slice(1)), i),
      who: `${id}·${i + 1}`,
      ttl,
      report,
      stop: stop.signal,
      sabotage,
    }),
  )
  await Promise.all(all)
  await locks.close()
  redis.disconnect()
  process.disconnect()
}

process.on('message', (message) => {
  if (message === 'stop') stop.abort()
  else void perform()
})

// Nobody is to pay for a connection or a script's first compilation in the middle of the show.
await locks.mutex(`warm-up:${id}`).use(() => {})
report({ type: 'ready' })
