// A process with locks, told by lines of its stdin what to do: JSON lists such as ["take", "a"]. It says what
// came of it, and lets go of everything when its stdin ends.
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { Holdfast } from 'holdfast'

const [url, label, prefix, history] = process.argv.slice(2)
const redis = new Redis(url)
const locks = new Holdfast(redis, {
  label,
  prefix,
  history: history === 'history',
  localHandovers: 0,
})
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`)

async function held(name, lock) {
  say('holds', name)
  lock.signal.addEventListener('abort', () => say('lost', name, lock.signal.reason.reason))
  lock.revoked.addEventListener('abort', () => {
    const { label: who, reason } = lock.revoked.reason.by
    say('revoked', name, who, reason)
    void lock.release()
  })
}

const all = new Map()
let start
const started = new Promise((resolve) => (start = resolve))
const doing = {
  take: async (name, ttl = '10s') => {
    const lock = await locks.mutex(name, { wait: Infinity, ttl }).acquire()
    all.set(name, lock)
    await held(name, lock)
  },
  permits: async (name, limit, permits) =>
    held(name, await locks.semaphore(name, { limit, wait: Infinity }).acquire({ permits })),
  release: async (name) => {
    await all.get(name).release()
    say('released', name)
  },
  go: async () => start(),
  /** One, and at `go` inside of it the other: two who do it the other way round are a deadlock. */
  nest: (outer, inner) =>
    locks.mutex(outer, { wait: Infinity }).use(async () => {
      say('holds', outer)
      await started
      await locks
        .mutex(inner, { wait: Infinity, deadlock: 'report' })
        .use(() => say('holds', inner))
    }),
}

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...rest] = JSON.parse(line)
  doing[what](...rest).catch((error) => say('error', error.code))
}
await locks.close()
redis.disconnect()
