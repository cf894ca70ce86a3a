// A process that is told to end: nothing here calls process.exit. See "Ending a process" in
// docs/operations.md.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { Redis } from 'ioredis'

const say = (text) => process.stdout.write(`${text}\n`)
const [url, what] = process.argv.slice(2)
const redis = new Redis(url)
const locks = new Holdfast(redis)
const stopping = new AbortController()
const running = new Set()

const onSigterm = {
  async closes() {
    await locks.close()
    await redis.quit()
  },
  async finishes() {
    stopping.abort()
    await Promise.race([Promise.all(running), sleep(20_000, null, { ref: false })])
    await locks.close()
    await redis.quit()
  },
  /** Forgets its locks. */
  async quits() {
    await redis.quit()
  },
}
if (onSigterm[what]) process.once('SIGTERM', onSigterm[what])

/** Works until it is told to stop, and a little longer. */
function start(name) {
  const run = locks
    .mutex(name, { ttl: 1500, wait: Infinity })
    .use(
      async (lock) => {
        lock.signal.addEventListener('abort', () => say(`lost ${lock.signal.reason.reason}`))
        await new Promise((resolve) => {
          lock.signal.addEventListener('abort', resolve)
          stopping.signal.addEventListener('abort', resolve)
        })
        // Whoever has lost the lock writes no more.
        if (lock.signal.aborted) return
        await redis.rpush('written', lock.fence)
        say(`finished ${name}`)
      },
      { signal: stopping.signal },
    )
    .catch((error) => say(`ended ${name}: ${error.code}`))
  running.add(run)
  void run.finally(() => running.delete(run))
}

start('held')
start('taken')
for (;;) {
  const [held, taken] = await Promise.all([locks.inspect('held'), locks.inspect('taken')])
  if (held.holderCount === 1 && taken.waiterCount === 1) break
}
say('ready')
