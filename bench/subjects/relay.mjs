// What is possible where ownership is handed on in the release script and pushed to the next in line: the
// push relay (two commands a turn, first come, first served), and a cohort in front of it, which hands over
// inside the process. Neither has what makes it a lock for use: no expiry of waiters, no reconnect, no
// cancel, no token.
import { randomBytes } from 'node:crypto'
import { sha1 } from './yardsticks.mjs'

const ACQUIRE = `if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
redis.call('RPUSH', KEYS[2], ARGV[1])
return 0`
const RELEASE = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local head = redis.call('LPOP', KEYS[2])
if not head then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], head, 'PX', ARGV[2])
redis.call('PUBLISH', 'relay:' .. string.match(head, '^[^.]+'), head)
return 1`
const [ACQUIRE_SHA, RELEASE_SHA] = [sha1(ACQUIRE), sha1(RELEASE)]

const me = randomBytes(8).toString('hex')
const channel = `relay:${me}`

async function overIoredis([client], heard) {
  for (const text of [ACQUIRE, RELEASE]) await client.script('LOAD', text)
  const own = client.duplicate()
  await own.subscribe(channel)
  own.on('message', (_, owner) => heard(owner))
  return {
    run: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    close: () => own.disconnect(),
  }
}

async function overSocket([client], heard) {
  await client.call('HELLO', '3')
  for (const text of [ACQUIRE, RELEASE]) await client.call('SCRIPT', 'LOAD', text)
  await subscribed(client, heard)
  return {
    run: (sha, keys, args) => client.call('EVALSHA', sha, String(keys.length), ...keys, ...args),
    close() {},
  }
}

/** With RESP3 the answer to SUBSCRIBE is a push itself. */
function subscribed(client, heard) {
  return new Promise((resolve) => {
    client.onPush((push) => {
      if (push[0] === 'subscribe') {
        client.onPush((next) => next[0] === 'message' && heard(next[2]))
        resolve()
      }
    })
    client.send('SUBSCRIBE', channel)
  })
}

let serial = 0

async function relay(connect, clients, { ttl }) {
  const waiting = new Map()
  // A message may come before the answer to the command that stood in line.
  const early = new Set()
  const { run, close } = await connect(clients, (owner) => {
    const resolve = waiting.get(owner)
    if (resolve === undefined) return void early.add(owner)
    waiting.delete(owner)
    resolve()
  })
  const lease = String(ttl)
  return {
    close,
    lock(key) {
      const keys = [key, `{${key}}:line`]
      return {
        async acquire() {
          const owner = `${me}.${++serial}`
          if ((await run(ACQUIRE_SHA, keys, [owner, lease])) === 1) return owner
          if (early.delete(owner)) return owner
          await new Promise((resolve) => waiting.set(owner, resolve))
          return owner
        },
        release: (owner) => run(RELEASE_SHA, keys, [owner, lease]),
      }
    },
  }
}

/** So many turns inside the process, then once around through the server. */
const BUDGET = 64

async function cohort(clients, options) {
  const server = await relay(overIoredis, clients, options)
  const names = new Map()
  return {
    close: () => server.close(),
    lock(key) {
      let state = names.get(key)
      if (state === undefined)
        names.set(key, (state = { line: [], held: null, left: 0, asked: false }))
      const far = server.lock(key)
      const ask = async () => {
        state.asked = true
        state.held = await far.acquire()
        state.asked = false
        state.left = BUDGET
        state.line.shift()()
      }
      return {
        acquire() {
          return new Promise((resolve) => {
            state.line.push(resolve)
            if (state.held === null && !state.asked) void ask()
          })
        },
        release() {
          if (state.line.length > 0 && --state.left > 0) return void state.line.shift()()
          const old = state.held
          state.held = null
          const released = far.release(old)
          if (state.line.length > 0) void ask()
          return released
        },
      }
    },
  }
}

const common = {
  kind: 'yardstick',
  client: 'ioredis',
  waits: true,
  lacks: ['fencing token', 'renewal', 'loss signal', 'expiry of a dead waiter', 'cancel'],
}

export const relays = [
  {
    ...common,
    id: 'relay',
    title: 'push relay, ioredis',
    setup: 'the release script makes the next in line the holder and publishes to it',
    take: (clients, options) => relay(overIoredis, clients, options),
  },
  {
    ...common,
    id: 'relay-socket',
    title: 'push relay, bare socket',
    client: 'socket',
    setup: 'the same on one connection with RESP3',
    take: (clients, options) => relay(overSocket, clients, options),
  },
  {
    ...common,
    id: 'cohort',
    title: 'cohort in memory',
    setup: `the push relay, and in front of it up to ${BUDGET} turns inside the process`,
    take: cohort,
  },
]
