// The lock that everybody writes by hand: SET NX PX, and compare-and-delete. No token, no renewal, no order.
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const COMPARE_AND_DELETE =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
export const sha1 = (text) => createHash('sha1').update(text).digest('hex')
const CAD = sha1(COMPARE_AND_DELETE)

const me = randomBytes(8).toString('hex')
let serial = 0
const id = () => `${me}.${++serial}`
const poll = () => sleep(5 + Math.random() * 10)

/** How each client says the two commands. */
const words = {
  ioredis: {
    load: (client) => client.script('LOAD', COMPARE_AND_DELETE),
    set: async (client, key, value, ttl) =>
      (await client.set(key, value, 'PX', ttl, 'NX')) === 'OK',
    unset: (client, key, value) => client.evalsha(CAD, 1, key, value),
  },
  redis: {
    load: (client) => client.scriptLoad(COMPARE_AND_DELETE),
    set: async (client, key, value, ttl) =>
      (await client.set(key, value, { PX: ttl, NX: true })) === 'OK',
    unset: (client, key, value) => client.evalSha(CAD, { keys: [key], arguments: [value] }),
  },
  socket: {
    load: (client) => client.call('SCRIPT', 'LOAD', COMPARE_AND_DELETE),
    set: async (client, key, value, ttl) =>
      (await client.call('SET', key, value, 'PX', String(ttl), 'NX')) === 'OK',
    unset: (client, key, value) => client.call('EVALSHA', CAD, '1', key, value),
  },
}

/** One server, or several of which a majority decides; whoever is refused asks again after 5 to 15 ms. */
async function take(clients, { ttl }, kind) {
  const { load, set, unset } = words[kind]
  await Promise.all(clients.map(load))
  const [one] = clients
  const single = {
    set: (key, value) => set(one, key, value, ttl),
    unset: (key, value) => unset(one, key, value),
  }
  const several = {
    set: (key, value) =>
      majority(
        clients.map((client) => set(client, key, value, ttl)),
        Boolean,
      ),
    unset: (key, value) =>
      majority(
        clients.map((client) => unset(client, key, value)),
        (answer) => answer === 1,
      ),
  }
  const ask = clients.length === 1 ? single : several
  const release = ({ key, value }) => ask.unset(key, value)
  return {
    release,
    lock: (key) => ({
      release,
      async acquire() {
        for (;;) {
          const value = id()
          if (await ask.set(key, value)) return { key, value }
          if (clients.length > 1) await ask.unset(key, value)
          await poll()
        }
      },
    }),
  }
}

/** True with the first majority, false when there can be none. */
function majority(answers, yes) {
  const most = (answers.length >> 1) + 1
  return new Promise((resolve) => {
    let [ayes, noes] = [0, 0]
    const vote = (aye) => {
      if (aye ? ++ayes === most : ++noes > answers.length - most) resolve(aye)
    }
    for (const answer of answers)
      answer.then(
        (value) => vote(yes(value)),
        () => vote(false),
      )
  })
}

const common = {
  kind: 'yardstick',
  waits: true,
  quorum: true,
  lacks: ['fencing token', 'renewal', 'loss signal', 'order'],
  setup: 'SET NX PX and compare-and-delete; whoever is refused asks again after 5 to 15 ms',
}

export const yardsticks = [
  {
    ...common,
    id: 'hand-ioredis',
    title: 'by hand, ioredis',
    client: 'ioredis',
    take: (clients, options) => take(clients, options, 'ioredis'),
  },
  {
    ...common,
    id: 'hand-node-redis',
    title: 'by hand, node-redis',
    client: 'redis',
    take: (clients, options) => take(clients, options, 'redis'),
  },
  {
    ...common,
    id: 'hand-socket',
    title: 'by hand, bare socket',
    client: 'socket',
    setup: `${common.setup}; one write a turn of the event loop`,
    take: (clients, options) => take(clients, options, 'socket'),
  },
]
