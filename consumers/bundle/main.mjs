// A program that a bundler puts into one file, with what Holdfast loads later.
import { strict as assert } from 'node:assert'
import { Holdfast } from 'holdfast'

const locks = Holdfast.inMemory({ history: true })
assert.equal(typeof (await locks.mutex('a').use(async ({ fence }) => fence)), 'number')
assert.equal((await locks.inspect('a')).holderCount, 0)
assert.ok((await locks.doctor()).length > 0)
await locks.close()
