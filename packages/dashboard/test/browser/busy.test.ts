import { Holdfast, type Lock } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { Redis } from 'ioredis'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from '../../../../scripts/lib/chromium.mjs'
import { startWorker, until, type HolderProcess } from '../../../cli/test/holder.js'
import { createDashboard, serve, type Locks, type Served } from '../../src/index.js'
import { Stream } from '../kit.js'
import { CROWD, expectFits, launch, open } from './kit.js'

const chromium = findChromium()
const ROWS = 1000
const WAITERS = 1000
/** So many updates in a row are followed, one a second, and more until all rows have changed so often. */
const UPDATES = 5
const ROUNDS = 4

/** What the page was told, and what it showed in the frame after that. */
interface Told {
  readonly at: number
  /** Another one came before there was a frame. */
  readonly passed: boolean
  readonly shown: number
  /** Rows that said something else than what was told. */
  readonly wrong: readonly string[]
  readonly round: number
}

/** Run in the page: looks at the table in the frame after each update. */
const OBSERVE = `
  globalThis.told = []
  const Real = EventSource
  const shown = () => Array.from(document.querySelectorAll('tr[data-row]'), (row) => [
    row.querySelector('.c-name .name .text').textContent,
    row.querySelector('.c-who .text')?.textContent,
  ])
  let newest = null
  globalThis.EventSource = class extends Real {
    constructor(url) {
      super(url)
      this.addEventListener('page', ({ data }) => {
        const { at, rows } = (newest = JSON.parse(data))
        const mine = newest
        requestAnimationFrame(() => {
          const labels = new Map(rows?.map(({ name, holder }) => [name, holder?.label]))
          const drawn = shown()
          told.push({
            at,
            passed: newest !== mine,
            shown: drawn.length,
            wrong: drawn.filter(([name, label]) => labels.get(name) !== label).map(String),
            round: Math.max(...Array.from(labels.values(), (label) => Number(/\\d+/.exec(label ?? '0')))),
          })
        })
      })
    }
  }
`

describe.skipIf(!chromium)('the page, where much happens', () => {
  let server: RunningServer
  let redis: Redis
  let locks: Holdfast
  let served: Served
  let browser: Browser
  const workers: HolderProcess[] = []

  beforeAll(async () => {
    ;[server, browser] = await Promise.all([startServer(), launch(chromium!)])
    redis = new Redis(server.url)
    locks = new Holdfast(redis, { history: true, label: 'first' })
    served = await serve(createDashboard(locks), { port: 0 })
    for (let i = 0; i < 3; i++) workers.push(startWorker(CROWD, [server.url]))
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await Promise.all(workers.map((one) => one.end()))
    await locks?.close()
    redis?.disconnect()
    await server?.stop()
  }, 30_000)

  describe('a thousand who wait', () => {
    let first: Lock
    beforeAll(async () => {
      first = await locks.mutex('crowd', { ttl: '10m' }).acquire()
      // In this order, so one process after the other.
      for (const [i, from] of [0, WAITERS / 2].entries()) {
        await workers[i]!.tell(['stand', 'crowd', from, WAITERS / 2, [500, 899]])
        await until(async () => (await locks.inspect('crowd')).waiterCount === from + WAITERS / 2)
      }
    }, 60_000)

    const line = (page: Page): Promise<(string | null)[][]> =>
      page.evaluate(`Array.from(document.querySelectorAll('section[aria-labelledby=line] tbody tr'), (row) => [
        row.querySelector('.num').textContent, row.querySelector('.text').textContent,
      ])`)
    const waiters = (from: number, count = 100): string[][] =>
      Array.from({ length: count }, (_, i) => [String(i + 1), `waiter ${from + i}`])

    it('are counted on each page, and it fits', async () => {
      const { page, complaints } = await open(browser, served.url, {
        viewport: { width: 400, height: 800 },
      })
      for (const [id, said] of [
        ['overview', /Waiting\s+1,000/],
        ['locks?filter=crowd', /crowd[\s\S]*1,000/],
        ['lock?name=crowd', /1,000 waiting[\s\S]*900 more waiters/],
        ['graph', /crowd\s+1,000 wait/],
        ['processes', /first 100 are counted[\s\S]*crowd/],
      ] as const) {
        await page.goto(`${served.url}#/${id}`)
        await expect.poll(() => page.locator('main').innerText()).toMatch(said)
        await expectFits(page)
      }
      expect(complaints).toEqual([])
      await page.close()
    }, 60_000)

    it('are listed in order, as it moves on', async () => {
      const { page } = await open(browser, `${served.url}#/lock?name=crowd`)
      await expect.poll(() => line(page)).toEqual(waiters(0))
      await first.release()
      await Promise.race(workers.map((one) => one.said('holds 500')))
      await expect.poll(() => line(page)).toEqual(waiters(501))
      await page.getByText('399 more waiters behind them').waitFor()
      await page.locator('.card', { hasText: 'waiter 500' }).waitFor()
      for (const one of workers) await one.tell(['on'])
      await Promise.race(workers.map((one) => one.said('holds 899')))
      await expect.poll(() => line(page)).toEqual(waiters(900))
      expect(await page.getByText('behind them').count()).toBe(0)
      for (const one of workers) await one.tell(['on'])
      await page.getByText('Nobody waits for it').waitFor()
      await page.close()
    }, 60_000)
  })

  it('draws each update of a thousand rows that all change', async () => {
    const worker = workers[2]!
    await worker.tell(['change', ROWS, 0], 'changed 0')
    const query = 'filter=row%3A&sort=name'
    const asked = `page=locks&filter=row%3A&sort=name&reverse=0&offset=0&limit=150`
    const { page } = await open(browser, 'about:blank', {
      viewport: { width: 1280, height: 4000 },
    })
    await page.addInitScript(OBSERVE)
    await page.goto(`${served.url}#/locks?${query}`)
    const told = (): Promise<Told[]> => page.evaluate('told')
    const drawn = async (): Promise<Told[]> => (await told()).filter(({ passed }) => !passed)
    // Until all are known, and as many are drawn as there is room for.
    await page.getByText(`1,000 of 1,000 names`).waitFor()
    const seen = async (): Promise<number> => (await drawn()).at(-1)?.shown ?? 0
    await expect.poll(seen).toBeGreaterThan(100)
    const inView = await seen()

    // One who sees the same as the page, and whom nothing keeps from hearing all of it.
    const response = await fetch(`${served.url}api/live?${asked}`)
    const stream = new Stream(response.body!.getReader())
    // The first answer is for it alone; from then on all are told the same.
    await stream.page()
    const sent: Locks[] = [await stream.page()]
    await expect.poll(async () => (await told()).some(({ at }) => at === sent[0]!.at)).toBe(true)
    const before = (await drawn()).length
    let round = 0
    let changing: Promise<void> = Promise.resolve()
    let changed = true
    while ((await drawn()).length < before + UPDATES || round < ROUNDS) {
      if (changed) {
        changed = false
        round++
        changing = worker.tell(['change', ROWS, round], `changed ${round}`)
        void changing.then(() => (changed = true))
      }
      sent.push(await stream.page())
    }
    await changing
    await stream.end()

    const heard = (await told()).filter(({ at }) => at >= sent[0]!.at)
    const times = heard.map(({ at }) => at)
    // None is lacking, none came twice, and hardly one was overtaken before it was drawn.
    expect(
      sent.map(({ at }) => at).filter((at) => !times.includes(at) && at <= times.at(-1)!),
    ).toEqual([])
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b))
    expect(heard.filter(({ passed }) => passed).length).toBeLessThanOrEqual(heard.length / 4)
    for (const one of heard) if (!one.passed) expect(one.wrong).toEqual([])
    expect(new Set(heard.map((one) => one.round)).size).toBeGreaterThanOrEqual(ROUNDS - 1)

    // What stands in the end is what the server has: of those in view, and of all.
    const rows = page.locator('tr[data-row] .c-who .who > .text')
    const last = `round ${round}`
    await expect.poll(async () => new Set(await rows.allInnerTexts())).toEqual(new Set([last]))
    const names = await page.locator('tr[data-row] .c-name .name .text').allInnerTexts()
    expect(names).toEqual(
      Array.from({ length: inView }, (_, i) => `row:${String(i).padStart(4, '0')}`),
    )
    const states = await Promise.all(names.map((name) => locks.inspect(name)))
    expect(new Set(states.map(({ holders }) => holders[0]?.label))).toEqual(new Set([last]))
    await page.locator('.scroll').evaluate((box) => box.scrollTo(0, box.scrollHeight))
    await page.getByRole('link', { name: 'row:0999' }).waitFor()
    await expect.poll(async () => new Set(await rows.allInnerTexts())).toEqual(new Set([last]))
    await page.close()
  }, 90_000)
})
