// A plain Node program with CommonJS.
const assert = require('node:assert/strict')
const { Holdfast } = require('holdfast')
const { fencedRedis } = require('holdfast/fencing')
const { instrument } = require('holdfast/otel')
const { metrics } = require('holdfast/prometheus')
const { findServer, startServer } = require('holdfast/testing')

async function main() {
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
}
main()
