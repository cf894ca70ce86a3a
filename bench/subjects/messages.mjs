// The least that a hand-over between two processes can cost. No locks: only what the pair of processes needs.
import { sha1 } from './yardsticks.mjs'

const PUBLISH = "return redis.call('PUBLISH', KEYS[1], ARGV[1])"

// The least that a hand-over of a lease with a line, a token and a clock can do: the owner is compared, the
// head of the line granted with an absolute expiry and the next token, and told both with the server's time
// and run. Nothing is checked that a well-behaved pair does not need.
const LEAST = `local call = redis.call
local time = call('TIME')
local us = time[1] .. string.sub('00000' .. time[2], -6)
local info = call('INFO', 'server')
local _, at = string.find(info, 'run_id:', 1, true)
local run = string.sub(info, at + 1, at + 16)
if call('GET', KEYS[2]) ~= ARGV[1] then return -1 end
local last = tonumber(call('GET', KEYS[3]) or '0')
local head = call('ZRANGE', KEYS[4], 0, 0)[1]
local record = call('HGET', KEYS[5], head)
local ends = string.format('%.0f', tonumber(string.sub(us, 1, -4)) + record)
local token = string.format('%.0f', math.max(tonumber(us), last + 1))
call('SET', KEYS[2], head, 'PXAT', ends)
call('SET', KEYS[3], token, 'PX', 600000)
call('ZREM', KEYS[4], head)
call('HDEL', KEYS[5], head)
return call('PUBLISH', KEYS[1], head .. ' ' .. token .. ' ' .. us .. ' ' .. ends .. ' ' .. run)`

/** As a lock of two: `side` 0 and 1, who hand it to each other in turn. */
async function take([client], script, stand) {
  const own = client.duplicate()
  await client.script('LOAD', script)
  const sha = sha1(script)
  let heard = null
  own.on('message', () => heard?.())
  return {
    close: () => own.disconnect(),
    async pair(name, side) {
      const channel = (of) => `${name}:${of}`
      const part = (what) => `${name}:${what}`
      const keys = [part('owner'), part('fence'), part('line'), part('meta')]
      await own.subscribe(channel(side))
      if (side === 0) await client.set(keys[0], '0')
      return {
        async acquire() {
          const arrived = new Promise((resolve) => (heard = resolve))
          await stand(client, keys, side)
          await arrived
        },
        release: () =>
          client.evalsha(sha, 5, channel(1 - side), ...keys, `${side}`, '0'.repeat(100)),
      }
    },
  }
}

const common = { kind: 'yardstick', client: 'ioredis', pair: true, lacks: ['a lock'] }

export const messages = [
  {
    ...common,
    id: 'publish',
    title: 'a message from a script',
    setup: 'a script of one PUBLISH, and a subscriber of it',
    take: (clients) => take(clients, PUBLISH, (client) => client.ping()),
  },
  {
    ...common,
    id: 'least',
    title: 'the least hand-over with a token',
    setup:
      'one script of eleven commands and one message: lease, line, token, clock; nothing is checked',
    take: (clients) =>
      take(clients, LEAST, (client, [, , line, meta], side) =>
        client.multi().zadd(line, Date.now(), side).hset(meta, side, 2000).exec(),
      ),
  },
]
