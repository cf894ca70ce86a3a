// What the scripts of Holdfast cost the server, by its own count (INFO commandstats), one kind of call at a time.
import { setTimeout as sleep } from 'node:timers/promises'
import { Holdfast } from 'holdfast'
import { connectAll } from '../subjects/clients.mjs'

/** Locks at one time, each by a call of its own: what they do together is another figure. */
const atOnce = 100

/** @returns {Promise<{ what: string, us: number }[]>} */
export async function scripts({ urls, calls }) {
  const connections = await connectAll('ioredis', urls)
  const [redis] = connections.clients
  const locks = new Holdfast(redis)
  const name = (i) => `bench:cost:${i}`
  const mutex = (i) => locks.mutex(name(i), { wait: 60_000 })
  const taken = (i) => mutex(i).acquire()
  const release = (lock) => lock.release()
  const bare = await redis.script('LOAD', 'return 1')
  const info = await redis.script('LOAD', "return redis.call('INFO', 'server')")

  const spent = async () => {
    const text = await redis.info('commandstats')
    const [, count, total] = /^cmdstat_evalsha:calls=(\d+),usec=(\d+)/m.exec(text) ?? [0, 0, 0]
    return [Number(count), Number(total)]
  }
  /** `call` alone counts; `before` makes what it needs, `after` takes it away. */
  const usec = async (what, { before = async () => null, call, after = async () => {} }) => {
    let [count, total] = [0, 0]
    for (let i = 0; i < calls; i += atOnce) {
      const kept = []
      for (let j = 0; j < atOnce; j++) kept.push(await before(i + j))
      const [count0, total0] = await spent()
      for (let j = 0; j < atOnce; j++) kept[j] = (await call(i + j, kept[j])) ?? kept[j]
      const [count1, total1] = await spent()
      count += count1 - count0
      total += total1 - total0
      for (const one of kept) await after(one)
    }
    return { what, us: total / count }
  }
  const queue = async (i) => {
    const lock = await taken(i)
    const next = taken(i)
    await sleep(1)
    return { lock, next }
  }
  try {
    // The first wait of a Holdfast asks twice, until its subscription lives.
    const first = await queue(-1)
    await sleep(50)
    await first.lock.release()
    await (await first.next).release()
    return [
      await usec('return 1', { call: async () => void (await redis.evalsha(bare, 0)) }),
      await usec("redis.call('INFO', 'server')", {
        call: async () => void (await redis.evalsha(info, 0)),
      }),
      await usec('acquire, free', { call: taken, after: release }),
      await usec('acquire, taken', {
        before: taken,
        call: async (i) => void (await mutex(i).tryAcquire()),
        after: release,
      }),
      await usec('release, nobody waits', {
        before: taken,
        call: async (_, lock) => void (await lock.release()),
      }),
      await usec('renew', {
        before: taken,
        call: async (_, lock) => void (await lock.verify()),
        after: release,
      }),
      await usec('release, handed to a waiter', {
        before: queue,
        call: async (_, { lock }) => void (await lock.release()),
        after: async ({ next }) => (await next).release(),
      }),
    ]
  } finally {
    await locks.close()
    connections.close()
  }
}
