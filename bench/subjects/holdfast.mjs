// Holdfast, as built in packages/holdfast, with its defaults and with each of the options that change its speed.
import { Holdfast } from 'holdfast'

/** Long enough that no wait of a benchmark ends by itself. */
const WAIT = 60_000
const LINGER = 1000

/** Why this build has none of the options; null if it takes them. */
function lacksOptions(options) {
  try {
    Holdfast.inMemory().mutex('probe', options)
    return null
  } catch (error) {
    return `this build of Holdfast refuses the option: ${error.message}`
  }
}

const release = (lock) => lock.release()

function take(clients, { ttl, documented }, options) {
  const locks = new Holdfast(clients.length === 1 ? clients[0] : clients)
  const all = { ttl, ...(documented ? {} : { wait: WAIT }), ...options }
  return (clients.length === 1 ? Promise.resolve() : locks.bootstrap()).then(() => ({
    lock(name) {
      const mutex = locks.mutex(name, all)
      return { acquire: () => mutex.acquire(), release }
    },
    release,
    close: () => locks.close(),
  }))
}

const ours = (id, title, client, options, setup, more) => ({
  id,
  title,
  kind: 'ours',
  client,
  waits: true,
  renews: true,
  lacks: [],
  setup,
  missing: () => lacksOptions(options),
  take: (clients, given) => take(clients, given, options),
  ...more,
})

export const holdfasts = [
  ours('holdfast', 'Holdfast', 'ioredis', {}, 'defaults', { quorum: true, package: 'holdfast' }),
  ours(
    'holdfast-strict',
    'Holdfast, localHandovers: 0',
    'ioredis',
    { localHandovers: 0 },
    'order strict across processes: every waiter has a place of its own in the server',
  ),
  ours(
    'holdfast-linger',
    'Holdfast, linger',
    'ioredis',
    { linger: LINGER },
    `linger of ${LINGER} ms: after a release the process keeps the lease for so long, or until another asks`,
  ),
  ours('holdfast-node-redis', 'Holdfast, node-redis', 'redis', {}, 'defaults'),
]
