// A process that has to end by itself: nothing here calls process.exit.
import { once } from 'node:events'
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'

const say = (text) => process.stdout.write(`${text}\n`)
const [url, what] = process.argv.slice(2)
const redis = new Redis(url)
const locks = new Holdfast(redis)

if (what === 'closed') {
  const lock = await locks.mutex('exit:a', { ttl: 3000 }).acquire()
  const waiting = locks
    .mutex('exit:a')
    .acquire({ wait: Infinity })
    .catch((error) => error.code)
  while ((await locks.inspect('exit:a')).waiterCount === 0);
  await lock.verify()
  await locks.close()
  say((await waiting) === 'ERR_CLOSED' ? 'done' : 'not cancelled')
  // The client is the user's, and keeps the process alive until he ends it.
  redis.disconnect()
} else if (what === 'open') {
  await locks.mutex('exit:b', { ttl: 60_000 }).acquire()
  say('done')
  redis.disconnect()
} else if (what === 'observed') {
  const seen = locks.election('exit:g').observe()
  await seen.next()
  // Whoever waits for the next change waits for a client that is no more.
  void seen.next()
  await locks.mutex('exit:h').acquire()
  redis.disconnect()
  await once(redis, 'end')
  // It would hear of messages, if there were a connection.
  const wait = locks.mutex('exit:h').acquire({ wait: 100 })
  say(await wait.catch(() => 'done'))
} else if (what === 'kept') {
  const lock = await locks.mutex('exit:d', { ttl: 1000, holdAtLeast: 60_000 }).acquire()
  say((await lock.release()).keptFor)
  redis.disconnect()
} else if (what === 'handed over') {
  const options = { ttl: 30_000, label: 'the first' }
  const mutex = await locks.mutex('exit:e', options).acquire()
  const permits = await locks.semaphore('exit:f', { limit: 3, ...options }).acquire({ permits: 2 })
  say(await mutex.handOver())
  say(await permits.handOver())
  redis.disconnect()
} else if (what === 'cycles') {
  const second = new Redis(url)
  const others = new Holdfast(second)
  await Promise.all([redis.ping(), second.ping()])
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const before = timers()
  let cycles = 0
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const wait = i % 3 === 0 ? 5 + i / 10 : 30_000
      const signal = i % 5 === 0 ? AbortSignal.timeout(5 + i / 5) : undefined
      const mutex = (i % 2 ? locks : others).mutex('exit:c', { wait, signal })
      await mutex.use(() => new Promise(setImmediate)).catch(() => {})
      cycles++
    }),
  )
  await locks.close()
  await others.close()
  // What is told to the server in the background has a time limit of half a second.
  for (let i = 0; i < 1000 && timers() > before; i++) await redis.ping()
  say(`${cycles} cycles, timers left: ${timers() - before}`)
  redis.disconnect()
  second.disconnect()
} else {
  const lock = await locks.mutex('a').acquire({ wait: Infinity })
  say('granted')
  await lock.release()
  await locks.close()
  redis.disconnect()
}
