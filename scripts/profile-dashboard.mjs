// What the dashboard's page takes: when it first paints, when with data, and how it keeps up with 1,000 names that all change hands every
// second while 1,000 calls wait for one more. Needs a build, a server and a Chromium.
import { createServer } from 'node:http'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { findChromium } from './lib/chromium.mjs'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '20' } } })
const seconds = Number(values.seconds)
const { startServer } = await import('holdfast/testing')
const { Holdfast } = await import('holdfast')
const { createDashboard, serve } = await import('@holdfast/dashboard')
const { Redis } = await import('ioredis')

const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium in PATH or HOLDFAST_CHROMIUM')
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
const launch = () => chromium.launch({ executablePath, args })
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
const ms = (number) => `${number.toFixed(1)} ms`

const server = await startServer()
const redis = new Redis(server.url)
const locks = new Holdfast(redis, { history: true, localHandovers: 0 })
const dashboard = createDashboard(new Holdfast(redis, { history: true }))
const served = await serve(dashboard, { port: 0 })
// The least that a page without anything inline can be: one word, and a stylesheet.
const least = createServer(({ url }, response) => {
  response.setHeader('content-type', url === '/' ? 'text/html' : 'text/css')
  response.end(
    url === '/'
      ? '<!doctype html><link rel="stylesheet" href="a.css"><h1>empty</h1>'
      : 'h1 { color: red }',
  )
})
await new Promise((resolve) => least.listen(0, '127.0.0.1', resolve))

/** Milliseconds from the navigation until there is something to see, and until it shows data; nothing is in the cache. */
async function painted(browser, url, shows) {
  const page = await browser.newPage()
  // The frame after the one in which it is drawn begins when that one has been.
  await page.addInitScript(`
    globalThis.drawn = new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        if (!document.querySelector(${JSON.stringify(shows)})) return
        observer.disconnect()
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())))
      })
      observer.observe(document, { subtree: true, childList: true })
    })
  `)
  await page.goto(url)
  await page.locator(shows).first().waitFor()
  await sleep(300)
  const [first, drawn] = await page.evaluate(
    `drawn.then((at) => [performance.getEntriesByName('first-contentful-paint')[0].startTime, at])`,
  )
  await page.close()
  return { first, drawn }
}

let stop = false
/** All names change hands once a second. */
async function change(mutexes) {
  let held = await Promise.all(mutexes.map((mutex) => mutex.acquire()))
  while (!stop) {
    const next = sleep(1000)
    await Promise.all(held.map((lock) => lock.release()))
    held = await Promise.all(mutexes.map((mutex) => mutex.acquire()))
    await next
  }
  await Promise.all(held.map((lock) => lock.release()))
}

let browser
try {
  const cold = []
  for (let i = 0; i < 3; i++) {
    browser = await launch()
    cold.push(await painted(browser, served.url, 'main section'))
    if (i < 2) await browser.close()
  }
  const [warm, word, styled] = [[], [], []]
  for (let i = 0; i < 15; i++) {
    warm.push(await painted(browser, served.url, 'main section'))
    word.push(await painted(browser, 'data:text/html,<h1>empty</h1>', 'h1'))
    styled.push(await painted(browser, `http://127.0.0.1:${least.address().port}/`, 'h1'))
  }
  const first = (all) => ms(median(all.map(({ first }) => first)))
  const both = (all) => `${first(all)}, with data ${ms(median(all.map(({ drawn }) => drawn)))}`
  console.log(
    `first paint: ${both(warm)} (medians of 15); of a page with one word in the same browser ` +
      `${first(word)}, with a stylesheet ${first(styled)}; in a browser just started ${both(cold)} (of 3); load ${loadavg()[0].toFixed(1)}`,
  )

  const holder = await locks.mutex('crowd', { ttl: '10m' }).acquire()
  const leaves = new AbortController()
  const crowd = Array.from({ length: 1000 }, () =>
    locks
      .mutex('crowd')
      .acquire({ wait: Infinity, signal: leaves.signal })
      .catch(() => null),
  )
  const mutexes = Array.from({ length: 1000 }, (_, i) => locks.mutex(`row:${i}`))
  const changing = change(mutexes)
  const page = await browser.newPage({ viewport: { width: 1280, height: 4000 } })
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  for (const hash of ['#/locks', '#/overview', '#/lock?name=crowd']) {
    await page.goto(served.url + hash)
    await sleep(4000)
    await page.evaluate(`
      globalThis.seen = { at: [], gap: 0, long: 0 }
      new MutationObserver(() => seen.at.push(performance.now())).observe(document.querySelector('main'), {
        subtree: true, childList: true, characterData: true, attributes: true,
      })
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.long = Math.max(seen.long, duration)
      }).observe({ entryTypes: ['longtask'] })
    `)
    const metrics = async () => {
      const { metrics } = await session.send('Performance.getMetrics')
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1000]))
    }
    const before = await metrics()
    const from = await page.evaluate('performance.now()')
    await sleep(seconds * 1000)
    const after = await metrics()
    const { at, long } = await page.evaluate('seen')
    const updated = new Set(at.map((time) => Math.floor((time - from) / 1000)))
    const lacking = Array.from({ length: seconds }, (_, i) => i).filter((i) => !updated.has(i))
    const each = (name) => ms((after[name] - before[name]) / seconds)
    const rows = await page.evaluate(`document.querySelectorAll('main tbody tr').length`)
    console.log(
      `${hash}: ${rows} rows, ${lacking.length} of ${seconds} seconds without an update; a second: script ${each('ScriptDuration')}, ` +
        `style ${each('RecalcStyleDuration')}, layout ${each('LayoutDuration')}; the longest task ${long === 0 ? 'under 50 ms' : ms(long)}`,
    )
  }
  stop = true
  await changing
  leaves.abort()
  await Promise.all(crowd)
  await holder.release()
} finally {
  await browser?.close()
  await served.close()
  least.close()
  dashboard.close()
  await locks.close()
  redis.disconnect()
  await server.stop()
}
