// The dashboard as npm installed it: its page, its data, and its program.
import { strict as assert } from 'node:assert'
import { Holdfast } from 'holdfast'
import { createDashboard, serve } from '@holdfast/dashboard'

const locks = Holdfast.inMemory()
const lock = await locks.mutex('job').acquire()
const served = await serve(createDashboard(locks), { port: 0 })
const page = await fetch(served.url)
assert.equal(page.status, 200)
const [, script] = /src="(assets\/[^"]+\.js)"/.exec(await page.text())
assert.equal((await fetch(served.url + script)).status, 200)
const { rows } = await (await fetch(`${served.url}api/locks`)).json()
assert.deepEqual(
  rows.map(({ name }) => name),
  ['job'],
)
await lock.release()
await served.close()
await locks.close()
