// The program as npm installed it, away from every server: what it says, and what it exits with.
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'

const holdfast = (...args) =>
  spawnSync('npx', ['holdfast', ...args], {
    encoding: 'utf8',
    env: { ...process.env, REDIS_URL: '' },
  })

const help = holdfast('--help')
assert.equal(help.status, 0)
assert.match(help.stdout, /acquire/)
const unreachable = holdfast('acquire', 'a', '--ttl', '1s', '--url', 'redis://127.0.0.1:1')
assert.equal(unreachable.status, 69)
assert.match(unreachable.stderr, /^holdfast: reason=unavailable exit=69 /)
