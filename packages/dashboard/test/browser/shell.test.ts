import { Holdfast } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { Redis } from 'ioredis'
import type { Browser, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from '../../../../scripts/lib/chromium.mjs'
import { createDashboard, serve, type Served } from '../../src/index.js'
import { expectFits, launch, open } from './kit.js'

const chromium = findChromium()
const TITLE = `Ours <b>$& "prod" redis://10.0.0.1:6379 redis://10.0.0.2:6379`
const NEVER = (): void => undefined

describe.skipIf(!chromium)('the page, before anything is known', () => {
  let server: RunningServer
  let redis: Redis
  let locks: Holdfast
  let served: Served
  let browser: Browser

  beforeAll(async () => {
    ;[server, browser] = await Promise.all([startServer(), launch(chromium!)])
    redis = new Redis(server.url)
    locks = new Holdfast(redis, { history: true })
    served = await serve(createDashboard(locks, { title: TITLE }), { port: 0 })
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await locks?.close()
    redis?.disconnect()
    await server?.stop()
  })

  /** Where the parts of the page are, and what they say. */
  async function looks(page: Page): Promise<unknown> {
    await page.locator('.loading').waitFor()
    return page.evaluate(`Array.from(
      document.querySelectorAll('.top, .top > *, nav a, .brand *, .search > :not(ul), .dot, main, .loading'),
      (one) => [one.tagName, (one.innerText ?? '').trim(), one.getAttribute('href'), one.placeholder, JSON.stringify(one.getBoundingClientRect())],
    )`)
  }

  /** A page for which some files never come. */
  async function without(files: string, width = 1280): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 800 } })
    await page.route(files, NEVER as (route: Route) => void)
    await page.goto(served.url, { waitUntil: 'commit' })
    return page
  }

  it.each([1000, 400])(
    'is painted without its script, and stays as it is, %i px',
    async (width) => {
      const shell = await without('**/assets/{main,app}*', width)
      await expect
        .poll(() => shell.evaluate(`performance.getEntriesByName('first-contentful-paint').length`))
        .toBe(1)
      const before = await looks(shell)
      expect(await shell.evaluate(`document.title`)).toBe(TITLE)
      const page = await without('**/api/live*', width)
      await expect.poll(() => page.title()).toBe(`Overview · ${TITLE}`)
      expect(await looks(page)).toEqual(before)
      await expectFits(page)
      await shell.close()
      await page.close()
    },
  )

  it('says that it needs a script where there is none', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false })
    await page.goto(served.url)
    expect(await page.locator('main').innerText()).toContain('needs JavaScript')
    expect(await page.locator('.loading').isVisible()).toBe(false)
    await page.close()
  })

  it('has its title on each page, whichever comes first', async () => {
    const { page, complaints } = await open(browser, `${served.url}#/lock?name=%20a`)
    for (const [id, here] of [
      ['lock?name=%20a', '‹20›a'],
      ['locks', 'Locks'],
      ['graph', 'Waits'],
      ['processes', 'Processes'],
      ['elections', 'Elections'],
      ['health', 'Health'],
    ] as const) {
      await page.goto(`${served.url}#/${id}`)
      await expect.poll(() => page.title()).toBe(`${here} · ${TITLE}`)
      expect(await page.locator('.brand').innerText()).toBe(TITLE)
    }
    expect(complaints).toEqual([])
    await page.close()
  })

  it('says so where the page itself cannot be had', async () => {
    const page = await browser.newPage()
    await page.route('**/assets/app*', (route) => route.abort())
    await page.goto(served.url)
    await expect.poll(() => page.locator('main').innerText()).toContain('could not be loaded')
    await page.close()
  })

  it('draws what it has where the plots cannot be had', async () => {
    await locks.mutex('a').acquire()
    const { page, complaints } = await open(browser, 'about:blank')
    const refused = new Promise<void>((resolve) => {
      void page.route('**/assets/uPlot*', (route) => route.abort().then(resolve))
    })
    await page.goto(served.url)
    await refused
    await page
      .locator('.plot', { hasText: 'Holders and waiters' })
      .getByText('holders', { exact: true })
      .waitFor()
    await page.locator('.tile', { hasText: 'Held' }).getByText('1', { exact: true }).waitFor()
    // Of the console: that the file failed to load, which is said by the browser for each that asks.
    expect(complaints.filter((said) => !said.includes('ERR_FAILED'))).toEqual([])
    await page.close()
  })
})
