// What the page says where its server is not heard, or does not want to answer: nothing untrue.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Holdfast } from 'holdfast'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDashboard, serve, type DashboardOptions, type Served } from '../../src/index.js'
import { findChromium } from '../../../../scripts/lib/chromium.mjs'
import { launch, open } from './kit.js'

const chromium = findChromium()

describe.skipIf(!chromium)('the page, when it is not answered', () => {
  let browser: Browser
  let locks: Holdfast
  const ends: (() => unknown)[] = []
  beforeAll(async () => {
    browser = await launch(chromium!)
  }, 30_000)
  beforeEach(async () => {
    locks = Holdfast.inMemory({ history: true })
    await locks.mutex('job', { ttl: '1h' }).acquire()
  })
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end()
    await locks.close()
  })
  afterAll(async () => browser?.close())

  async function served(options: DashboardOptions = {}, of = locks): Promise<Served> {
    const one = await serve(createDashboard(of, { audit: () => undefined, ...options }), {
      port: 0,
    })
    ends.push(() => one.close())
    return one
  }

  /** What is between: it passes on, or keeps what it gets, as a network does of which nobody is told. */
  async function between(port: number): Promise<{ url: string; silent: (yes: boolean) => void }> {
    const pairs = new Set<readonly [Socket, Socket]>()
    let still = false
    const proxy = createServer((one) => {
      const other = connect(port, '127.0.0.1')
      const pair = [one, other] as const
      pairs.add(pair)
      for (const [from, to] of [pair, [other, one] as const]) {
        from.on('data', (bytes) => still || to.write(bytes))
        from.on('error', () => undefined)
        from.on('close', () => {
          pairs.delete(pair)
          if (!still) to.destroy()
        })
      }
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    ends.push(() => {
      for (const pair of pairs) for (const one of pair) one.destroy()
      proxy.close()
    })
    const { port: own } = proxy.address() as AddressInfo
    return { url: `http://127.0.0.1:${own}/`, silent: (yes) => void (still = yes) }
  }

  it('says so where nothing is heard any more, and looks again by itself', async () => {
    const { url, silent } = await between((await served()).port)
    const { page } = await open(browser, 'about:blank')
    await page.clock.install()
    await page.goto(`${url}#/lock?name=job`)
    await page.getByText('Live').waitFor()
    silent(true)
    await page.clock.fastForward(50_000)
    await page.getByRole('alert').getByText('The dashboard does not answer').waitFor()
    await page.getByText('No server').waitFor()
    silent(false)
    await page.clock.fastForward(50_000)
    await page.getByText('Live').waitFor()
    await page.getByText('The dashboard does not answer').waitFor({ state: 'detached' })
    await page.close()
  }, 40_000)

  it('does not say so of a page to which nothing happens', async () => {
    const { page } = await open(browser, 'about:blank')
    await page.clock.install()
    await page.goto(`${(await served()).url}#/processes`)
    await page.getByText('Live').waitFor()
    await page.clock.fastForward(25_000)
    // One that begins later hears it later.
    await page.evaluate(
      `new Promise((heard) => new EventSource('api/live?page=graph').addEventListener('here', heard))`,
    )
    await page.clock.fastForward(25_000)
    expect(await page.getByRole('alert').innerText()).toBe('')
    await page.close()
  }, 40_000)

  it('says what to do where a session has ended', async () => {
    let may = true
    const authorize = (): true | Response => may || new Response('log in', { status: 401 })
    const { port, url } = await served({ authorize, actions: ['revoke'] })
    const { page } = await open(browser, `${url}#/lock?name=job`)
    await page.getByText('Live').waitFor()
    may = false
    await page.getByRole('button', { name: 'Ask to let go…' }).click()
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.getByText('Load the page again').waitFor()
    await page.keyboard.press('Escape')
    // Another view of it, which asks for another stream.
    await page.goto(`http://127.0.0.1:${port}/#/overview`)
    const alert = page.getByRole('alert')
    await alert.getByText('Load the page again').waitFor()
    expect(await alert.innerText()).not.toContain('does not answer')
    may = true
    await page.getByText('Live').waitFor()
    await alert.getByText('Load the page again').waitFor({ state: 'detached' })
    await page.close()
  }, 40_000)

  it('says so where there are too many', async () => {
    const dashboard = createDashboard(locks)
    const one = await serve(dashboard, { port: 0 })
    ends.push(() => one.close())
    for (let i = 0; i < 500; i++) {
      await dashboard.fetch(new Request(`${one.url}api/live?page=health`))
    }
    const { page } = await open(browser, one.url)
    await page.getByRole('alert').getByText('500 pages are open').waitFor()
    expect(await page.getByRole('alert').innerText()).not.toContain('does not answer')
    await page.close()
  }, 40_000)

  it('does not blame Redis for a mistake of the dashboard', async () => {
    const broken = new Proxy(locks, {
      get: (of, key) => {
        const value = Reflect.get(of, key) as unknown
        if (key === 'history') return () => Promise.reject(new TypeError('a mistake'))
        return typeof value === 'function' ? (value.bind(of) as unknown) : value
      },
    })
    const { page } = await open(browser, (await served({}, broken)).url)
    const alert = page.getByRole('alert')
    await alert.getByText('This is a mistake of the dashboard').waitFor()
    expect(await alert.innerText()).not.toContain('Redis')
    expect(await page.locator('.status').innerText()).not.toContain('Redis')
    await page.close()
  }, 40_000)

  it('lets a log-in that authorize answers with be filled in', async () => {
    const form = `<!doctype html><style>p { color: rgb(1, 2, 3) }</style><p>who?</p>
      <form action="/in" method="get"><button>Log in</button></form>`
    const authorize = (request: Request): true | Response =>
      request.headers.get('cookie') === 'in=1' ||
      (new URL(request.url).pathname === '/in'
        ? new Response(null, { status: 303, headers: { location: '/', 'set-cookie': 'in=1' } })
        : new Response(form, { status: 401, headers: { 'content-type': 'text/html' } }))
    const { page } = await open(browser, (await served({ authorize })).url)
    const color = await page.evaluate("getComputedStyle(document.querySelector('p')).color")
    expect(color).toBe('rgb(1, 2, 3)')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Live').waitFor({ timeout: 5000 })
    await page.close()
  }, 40_000)
})
