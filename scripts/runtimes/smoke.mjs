// A mutex, a hand-over by push between two Holdfasts, a signal, and an end that leaves nothing: on
// the server of a URL, with each of the two clients that run everywhere.
import { strict as assert } from 'node:assert'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { Holdfast } from 'holdfast'

const url = process.argv[2]

const clients = {
  ioredis: async () => {
    const client = new Redis(url)
    return { client, end: () => client.disconnect() }
  },
  'node-redis': async () => {
    const client = await createClient({ url }).connect()
    return { client, end: () => client.destroy() }
  },
}

async function until(check) {
  const end = performance.now() + 10_000
  while (!(await check())) {
    assert.ok(performance.now() < end, `still not so: ${check}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const aborted = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })

async function smoke(name, open) {
  const [one, two] = [await open(), await open()]
  const [a, b] = [new Holdfast(one.client), new Holdfast(two.client)]
  const lock = `smoke:${name}`

  assert.equal(await a.mutex(lock).use(async ({ signal }) => signal.aborted), false)
  // Without a push it would be the turn of the second in a minute.
  const first = await a.mutex(lock, { ttl: '60s' }).acquire()
  assert.equal(await b.mutex(lock).tryAcquire(), null)
  const wait = b.mutex(lock, { ttl: '60s' }).acquire({ wait: '20s' })
  await until(async () => (await a.inspect(lock)).waiterCount === 1)
  await first.release()
  const second = await wait
  assert.ok(second.fence > first.fence)

  await a.forceRelease(lock)
  assert.equal((await aborted(second.signal)).code, 'ERR_LOST')
  const short = await a.mutex(lock, { ttl: 200, renew: false }).acquire()
  assert.equal((await aborted(short.signal)).code, 'ERR_LOST')

  await b.mutex(lock).acquire()
  const refused = assert.rejects(a.mutex(lock).acquire(), { code: 'ERR_CLOSED' })
  await until(async () => (await b.inspect(lock)).waiterCount === 1)
  await a.close()
  await refused
  await b.close()
  one.end()
  two.end()
}

for (const [name, open] of Object.entries(clients)) await smoke(name, open)
console.log(`smoke run with ${Object.keys(clients).join(' and ')}`)
