// What the scripts cost on the server, by its own count (INFO commandstats).
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'

const CALLS = 2000

/** Prints server µs for each kind of call, measured one kind at a time. */
export async function scriptCosts({ redis }) {
  const locks = new Holdfast(redis)
  const usec = async (what, before, calls, after = async () => {}) => {
    const spent = async () => {
      const text = await redis.info('commandstats')
      const [, count, total] = /^cmdstat_evalsha:calls=(\d+),usec=(\d+)/m.exec(text) ?? [0, 0, 0]
      return [Number(count), Number(total)]
    }
    let count = 0
    let total = 0
    for (let i = 0; i < CALLS; i += 100) {
      // Up to 100 locks at a time, each by a call of its own: not what they do together.
      const kept = []
      for (let j = 0; j < 100; j++) kept.push(await before(i + j))
      const [c0, t0] = await spent()
      for (let j = 0; j < 100; j++) await calls(i + j, kept[j], kept)
      const [c1, t1] = await spent()
      count += c1 - c0
      total += t1 - t0
      for (const one of kept) await after(one)
    }
    console.log(`${what.padEnd(40)} ${(total / count).toFixed(1).padStart(6)} µs`)
  }
  const name = (i) => `bench:cost:${i}`
  const taken = (i) => locks.mutex(name(i)).acquire()

  console.log('\nserver time of one script call')
  const bare = await redis.script('LOAD', 'return 1')
  const info = await redis.script('LOAD', "return redis.call('INFO', 'server')")
  await usec(
    'return 1',
    () => {},
    () => redis.evalsha(bare, 0),
  )
  await usec(
    "redis.call('INFO', 'server')",
    () => {},
    () => redis.evalsha(info, 0),
  )
  await usec(
    'acquire, free',
    () => {},
    async (i, _, kept) => (kept[i % 100] = await taken(i)),
    (lock) => lock.release(),
  )
  await usec(
    'acquire, taken',
    (i) => taken(i),
    (i) => locks.mutex(name(i)).tryAcquire(),
    (lock) => lock.release(),
  )
  await usec(
    'release, nobody waits',
    (i) => taken(i),
    (_, lock) => lock.release(),
  )
  await usec(
    'renew',
    (i) => taken(i),
    (_, lock) => lock.verify(),
    (lock) => lock.release(),
  )
  const queue = async (i) => {
    const lock = await taken(i)
    return { lock, next: locks.mutex(name(i)).acquire() }
  }
  // The first wait of a Holdfast asks twice, until its subscription lives.
  const first = await queue(-1)
  await sleep(50)
  await first.lock.release()
  await (await first.next).release()
  const settled = async (i) => {
    const both = await queue(i)
    await sleep(1)
    return both
  }
  await usec(
    'release, handed to a waiter',
    settled,
    (_, { lock }) => lock.release(),
    async ({ next }) => (await next).release(),
  )
  await locks.close()
}
