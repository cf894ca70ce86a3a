// What the examples have in common: a server with several clients on it, or the embedded kernel
// where there is none, and a witness who counts in that same place who is inside of what.
import { Holdfast } from 'holdfast'
import { startServer } from 'holdfast/testing'
import { Redis } from 'ioredis'
import { Witness } from './witness.mjs'

/** The server of REDIS_URL, else one that is started here; null where there is none, or not wanted. */
export async function findServer() {
  if (process.argv.includes('--embedded')) return null
  try {
    return await startServer({ url: process.env.REDIS_URL || undefined })
  } catch (error) {
    if (error.code === 'ERR_NO_SERVER') return null
    console.error(error.message)
    process.exit(1)
  }
}

function realStage(server, count) {
  // A server known by URL may be somebody's: nothing there is touched but keys of our own.
  const prefix = `holdfast-example:${process.pid}:`
  const connect = () => {
    const redis = new Redis(server.url)
    // Holdfast's own errors tell what matters; without a listener ioredis would print each of them.
    redis.on('error', () => {})
    return redis
  }
  const connections = Array.from({ length: count }, connect)
  // On a busy machine an answer may take long, and who asks twice loses its place in the order.
  const options = { prefix: `${prefix}lock:`, nodeTimeout: 5000 }
  const clients = connections.map((redis) => new Holdfast(redis, options))
  const own = connect()
  const keys = new Set()
  const key = (name) => {
    keys.add(prefix + name)
    return prefix + name
  }
  return {
    about: `${server.engine} ${server.version} on port ${server.port}, ${count} clients`,
    clients,
    store: {
      /** Adds to one count of a place, and says all its counts as they are then: in one step. */
      add: async (place, what, by) => {
        const [, all] = await own.multi().hincrby(key(place), what, by).hgetall(key(place)).exec()
        return Object.fromEntries(Object.entries(all[1]).map(([name, n]) => [name, Number(n)]))
      },
      /** Puts a value in the place of another, and says which that was. */
      swap: (name, value) => own.set(key(name), value, 'GET'),
    },
    close: async () => {
      await Promise.all(clients.map((locks) => locks.close()))
      if (keys.size > 0) await own.del(...keys)
      for (const redis of [own, ...connections]) redis.disconnect()
      await server.stop()
    },
  }
}

function embeddedStage(count) {
  const locks = Holdfast.inMemory()
  const counts = new Map()
  const values = new Map()
  return {
    about: 'no server: the embedded kernel, in this process; nothing is shared with others',
    clients: Array.from({ length: count }, () => locks),
    store: {
      add: async (place, what, by) => {
        const all = { ...counts.get(place) }
        all[what] = (all[what] ?? 0) + by
        counts.set(place, all)
        return all
      },
      swap: async (name, value) => {
        const before = values.get(name) ?? null
        values.set(name, String(value))
        return before
      },
    },
    close: () => locks.close(),
  }
}

/**
 * Plays an example and ends the process: with 0 if nothing was violated, else with 1.
 *
 * @param {number} count how many Holdfast clients, each with a connection of its own
 * @param {(stage: { clients: Holdfast[], witness: Witness }) => Promise<string>} run says at its end
 *   what was shown
 */
export async function play(count, run) {
  const server = await findServer()
  const stage = server ? realStage(server, count) : embeddedStage(count)
  console.log(stage.about)
  const witness = new Witness(stage.store)
  let shown = ''
  try {
    shown = await run({ clients: stage.clients, witness })
  } catch (error) {
    witness.violated(error.message)
  }
  const { violations } = witness
  for (const violation of violations.slice(0, 10)) console.log(`  violated: ${violation}`)
  console.log(
    violations.length === 0 ? `held: ${shown}` : `broken: ${violations.length} violations`,
  )
  process.exitCode = violations.length === 0 ? 0 : 1
  await stage.close()
}
