// Draws docs/dashboard/*.png: the dashboard of a real server with real processes. `-- --minutes 12` runs them for so
// long before, so that plots have something to show. Needs a build, a server and a Chromium.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { findChromium } from './lib/chromium.mjs'
import { root } from './lib/paths.mjs'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '2' } } })
const { startServer } = await import('holdfast/testing')
const { Holdfast } = await import('holdfast')
const { createDashboard, serve } = await import('@holdfast/dashboard')
const { Redis } = await import('ioredis')

const kinds = ['billing', 'stock', 'transfer', 'import']
const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium in PATH or HOLDFAST_CHROMIUM')
const server = await startServer()
const worker = join(import.meta.dirname, 'lib/screenshots-worker.mjs')
const workers = kinds.map((kind) =>
  spawn(process.execPath, [worker, server.url, kind], { stdio: ['pipe', 'inherit', 'inherit'] }),
)
const redis = new Redis(server.url)
const locks = new Holdfast(redis, { history: true })
const elections = ['leader:*']
const dashboard = createDashboard(locks, { actions: ['revoke', 'force'], elections })
const served = await serve(dashboard, { port: 0 })
const browser = await chromium.launch({
  executablePath,
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})

try {
  await sleep(Number(values.minutes) * 60_000)
  const folder = join(root, 'docs/dashboard')
  mkdirSync(folder, { recursive: true })
  const shots = [
    ['overview', '#/overview', 'light', 1200, 800],
    ['overview-dark', '#/overview', 'dark', 1200, 800],
    ['lock', '#/lock?name=stock:9', 'light', 1200, 800],
    ['waits', '#/graph', 'dark', 1200, 620],
    ['phone', '#/locks', 'light', 400, 700],
  ]
  for (const [name, hash, colorScheme, width, height] of shots) {
    const page = await browser.newPage({ colorScheme, viewport: { width, height } })
    await page.goto(served.url + hash)
    await page.locator('main table').first().waitFor()
    // The second answer knows what the first had yet to ask: the circles.
    await sleep(4500)
    await page.screenshot({ path: join(folder, `${name}.png`) })
    await page.close()
    console.log(`docs/dashboard/${name}.png`)
  }
} finally {
  await browser.close()
  await served.close()
  for (const child of workers) child.stdin.end()
  await Promise.all(workers.map((child) => new Promise((end) => child.on('close', end))))
  await locks.close()
  redis.disconnect()
  await server.stop()
}
