// A plain Node program with ES modules.
import { strict as assert } from 'node:assert'
import { Holdfast } from 'holdfast'
import { fencedRedis } from 'holdfast/fencing'
import { instrument } from 'holdfast/otel'
import { metrics } from 'holdfast/prometheus'
import { findServer, startServer } from 'holdfast/testing'

const locks = Holdfast.inMemory()
assert.equal(typeof (await locks.mutex('a').use(async ({ fence }) => fence)), 'number')
// What is loaded when it is first asked for.
assert.equal((await locks.inspect('a')).holderCount, 0)
assert.ok((await locks.doctor()).length > 0)
await locks.close()
assert.equal(typeof fencedRedis, 'function')
assert.equal(typeof instrument(), 'function')
assert.match(metrics().text(), /^# HELP /)
assert.equal(typeof findServer, 'function')
assert.equal(typeof startServer, 'function')
