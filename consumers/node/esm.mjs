// A plain Node program with ES modules.
import { strict as assert } from 'node:assert'
import { Holdfast } from 'holdfast'
import { fencedRedis } from 'holdfast/fencing'
import { instrument } from 'holdfast/otel'
import { metrics } from 'holdfast/prometheus'
import { findServer, startServer } from 'holdfast/testing'

const locks = Holdfast.inMemory()
assert.equal(typeof (await locks.mutex('a').use(async ({ fence }) => fence)), 'number')
await locks.close()
assert.equal(typeof fencedRedis, 'function')
assert.equal(typeof instrument(), 'function')
assert.match(metrics().text(), /^# HELP /)
assert.equal(typeof findServer, 'function')
assert.equal(typeof startServer, 'function')
