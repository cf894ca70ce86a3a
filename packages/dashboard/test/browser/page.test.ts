import { Holdfast } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { Redis } from 'ioredis'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHolder, startWorker, until, type HolderProcess } from '../../../cli/test/holder.js'
import { createDashboard, serve, type AuditEntry, type Served } from '../../src/index.js'
import { shorten, visible } from '../../ui/lib/format.js'
import { findChromium } from '../../../../scripts/lib/chromium.mjs'
import { CROWD, expectFits, launch, open, violations } from './kit.js'

const MANY = 10_000
const WAITERS = 1000
const HOSTILE = [
  '<script>globalThis.hacked = 1</script>',
  `<img src=x onerror="globalThis.hacked = 1">'"&amp;`,
  'عربي:قفل:٤٢',
  'invoice\u202Egnp.exe',
  '🔒👩‍👩‍👧‍👦',
  ' line\nbreak ',
  'x'.repeat(1024),
]
/** A label may be so long. */
const labelOf = (name: string): string => name.slice(0, 256)
const PAGES = ['overview', 'locks', 'graph', 'processes', 'elections', 'health'] as const

const chromium = findChromium()
if (!chromium) {
  process.stderr.write('the page is not tested: no Chromium in PATH or HOLDFAST_CHROMIUM\n')
}

describe.skipIf(!chromium)('the page, in a browser', () => {
  let server: RunningServer
  let redis: Redis
  let locks: Holdfast
  let served: Served
  let browser: Browser
  const holders: HolderProcess[] = []
  const audit: AuditEntry[] = []

  beforeAll(async () => {
    server = await startServer()
    redis = new Redis(server.url)
    redis.on('error', () => undefined) // one test stops the server
    locks = new Holdfast(redis, { history: true, label: '<b>many</b>' })
    const dashboard = createDashboard(locks, {
      actions: ['revoke', 'force'],
      elections: ['leader'],
      audit: (entry) => void audit.push(entry),
    })
    served = await serve(dashboard, { port: 0 })
    const started = ['billing worker', 'mailer', 'reports'].map((label) =>
      startHolder(server.url, label, true),
    )
    holders.push(...started)
    const [billing, mailer, reports] = started as [HolderProcess, HolderProcess, HolderProcess]
    await Promise.all([
      browserOf(),
      billing.tell(['nest', 'account:1', 'account:2'], 'holds account:1'),
      mailer.tell(['nest', 'account:2', 'account:1'], 'holds account:2'),
      billing.tell(['take', 'stock', '1h'], 'holds stock'),
      reports.tell(['take', 'leader'], 'holds leader'),
      ...HOSTILE.map((name) => locks.mutex(name, { ttl: '1h', label: labelOf(name) }).acquire()),
      locks.mutex('crowd', { ttl: '1h' }).acquire(),
      many(),
    ])
    await reports.tell(['take', 'stock'])
    const crowd = startWorker(CROWD, [server.url])
    holders.push(crowd)
    await crowd.tell(['stand', 'crowd', 0, WAITERS, []])
    await until(async () => (await locks.inspect('crowd')).waiterCount === WAITERS)
    await Promise.all([billing, mailer].map((one) => one.tell(['go'])))
    await until(async () => (await locks.inspect('stock')).waiterCount === 1)
    await until(async () => (await locks.deadlocks()).length > 0)
  }, 60_000)

  /** Together, as they are of one server: that is quicker. */
  async function many(): Promise<void> {
    for (let i = 0; i < MANY; i += 50) {
      const names = Array.from({ length: 50 }, (_, j) => `invoice:${i + j}`)
      await locks.all(names, { ttl: '1h' }).acquire()
    }
  }

  async function browserOf(): Promise<void> {
    browser = await launch(chromium!)
  }

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await Promise.all(holders.map((one) => one.end()))
    await locks?.close()
    redis?.disconnect()
    await server?.stop()
  }, 30_000)

  const text = (page: Page): Promise<string> => page.locator('main').innerText()

  it('shows each page of real processes, in light and dark, and axe finds nothing', async () => {
    const { page, complaints } = await open(browser, served.url)
    const said: Record<string, RegExp> = {
      overview: /Waiting\s+1,003[\s\S]*1 deadlock[\s\S]*Most contended[\s\S]*crowd[\s\S]*stock/,
      locks: /10,0\d\d names[\s\S]*crowd[\s\S]*1,000[\s\S]*account:1/,
      'lock?name=stock': /billing worker[\s\S]*reports[\s\S]*granted/,
      'lock?name=crowd': /1,000 waiting[\s\S]*waiter 99/,
      graph: /Deadlock[\s\S]*account:1[\s\S]*account:2/,
      processes: /mailer[\s\S]*account:2/,
      elections: /leader[\s\S]*reports/,
      health: /up[\s\S]*persistence/,
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const [id, pattern] of Object.entries(said)) {
        await page.goto(`${served.url}#/${id}`)
        await expect.poll(() => text(page), { timeout: 30_000 }).toMatch(pattern)
        const rules = colorScheme === 'light' ? [] : ['color-contrast']
        expect(await violations(page, rules), `${id}, ${colorScheme}`).toEqual([])
      }
    }
    expect(complaints).toEqual([])
    await page.close()
  }, 90_000)

  it('fits into 400 px', async () => {
    const { page } = await open(browser, served.url, { viewport: { width: 400, height: 800 } })
    for (const id of [...PAGES, 'lock?name=stock', `lock?name=${'x'.repeat(1024)}`]) {
      await page.goto(`${served.url}#/${id}`)
      await expect.poll(() => text(page)).not.toContain('Asking')
      await expectFits(page)
    }
    await page.close()
  })

  it('draws some of ten thousand rows, and gets to all of them', async () => {
    const { page } = await open(browser, `${served.url}#/locks?sort=name`)
    await expect.poll(() => text(page), { timeout: 30_000 }).toMatch(/10,0\d\d names(?! so far)/)
    const rows = page.locator('tbody tr[data-row]')
    expect(await rows.count()).toBeLessThan(80)
    await page.locator('.scroll').evaluate((box) => box.scrollTo(0, box.scrollHeight))
    // The last of all by name.
    await page.getByRole('link', { name: '🔒' }).waitFor()
    expect(await rows.count()).toBeLessThan(80)
    await page.getByRole('searchbox').fill('invoice:777')
    await expect.poll(() => rows.count()).toBe(11)
    expect(page.url()).toContain('filter=invoice%3A777')
    await page.getByRole('searchbox').fill('no such name')
    await page.getByText('No name matches').waitFor()
    await page.close()
  }, 40_000)

  it('takes names and labels as text', async () => {
    const { page, complaints } = await open(browser, `${served.url}#/locks?filter=many`)
    const shown = [
      '<script>globalThis.hacked = 1</script>',
      `<img src=x onerror="globalThis.hacked = 1">'"&amp;`,
      'عربي:قفل:٤٢',
      'invoice‹202E›gnp.exe',
      '🔒👩‍👩‍👧‍👦',
      '‹20›line‹A›break‹20›',
      'x'.repeat(60) + '…' + 'x'.repeat(59),
    ]
    for (const [i, name] of HOSTILE.entries()) {
      await page.goto(`${served.url}#/lock?name=${encodeURIComponent(name)}`)
      const heading = page.locator('h1 bdi')
      await expect.poll(() => heading.textContent()).toBe(shown[i])
      // Its holder has the same as a label, which is shown shorter.
      const label = page.locator('.card .who > .text').first()
      expect(await label.textContent()).toBe(shorten(visible(labelOf(name)), 28))
      expect(await page.title()).toContain(shorten(visible(name), 60))
    }
    await page.goto(`${served.url}#/processes`)
    await page.getByText('mailer').first().waitFor()
    await expectFits(page)
    expect(await page.evaluate('globalThis.hacked')).toBeUndefined()
    expect(await page.locator('main script, main img').count()).toBe(0)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('is used by keys alone', async () => {
    const { page } = await open(browser, served.url)
    await page.getByRole('heading', { name: 'Most contended' }).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('l')
    await page.getByRole('heading', { name: 'Locks' }).waitFor()
    await page.locator('tbody tr[data-row]').nth(2).waitFor()
    const focused = (row: number): Promise<boolean> => {
      const link = page.locator('tbody tr[data-row]').nth(row).locator('a').first()
      return link.evaluate((one) => one.matches(':focus'))
    }
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    expect(await focused(1)).toBe(true)
    await page.keyboard.press('k')
    expect(await focused(0)).toBe(true)
    await page.keyboard.press('Enter')
    await page.waitForURL(/#\/lock\?name=/)
    await page.keyboard.press('/')
    await page.keyboard.type('stoc')
    await page.getByRole('option', { name: 'stock' }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForURL(/#\/lock\?name=stock/)
    await page.keyboard.press('?')
    await page.getByRole('dialog').waitFor()
    expect(await violations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.close()
  })

  it('asks a holder to let go, and forces it', async () => {
    const holder = startHolder(server.url, 'to be asked', true)
    holders.push(holder)
    await holder.tell(['take', 'asked'], 'holds asked')
    await holder.tell(['take', 'forced'], 'holds forced')
    const { page } = await open(browser, `${served.url}#/lock?name=asked`)
    await page.getByRole('button', { name: 'Ask to let go' }).click()
    await page.getByLabel(/Reason/).fill('deploy')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.getByText('Asked 1 holder').waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByText('Nobody holds it').waitFor()

    await page.goto(`${served.url}#/lock?name=forced`)
    await page.getByRole('button', { name: 'Force release…' }).click()
    const act = page.getByRole('button', { name: 'Force release', exact: true })
    await page.getByLabel(/Type the name/).fill('force')
    expect(await act.isDisabled()).toBe(true)
    expect(await violations(page)).toEqual([])
    await page.getByLabel(/Type the name/).fill('forced')
    await act.click()
    await holder.said('lost forced forced')
    await page.getByText('Told 1 holder to stop').waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
    await page.locator('.event', { hasText: 'lost' }).waitFor()
    expect(audit.map(({ action, name }) => `${action} ${name}`)).toEqual([
      'revoke asked',
      'force forced',
    ])
    await page.close()
  }, 40_000)

  it('asks nothing of another lock than the one that was looked at', async () => {
    const { page } = await open(browser, `${served.url}#/lock?name=stock`)
    await page.getByText('Live').waitFor()
    await page.goto(`${served.url}#/lock?name=leader`)
    await page.getByRole('heading', { name: 'leader' }).waitFor()
    await page.getByRole('button', { name: 'Ask to let go' }).click()
    await page.getByRole('dialog').waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'stock' }).waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
    await page.close()
  })

  it('shows a lease that was lost', async () => {
    const holder = startHolder(server.url, 'stands still', true)
    holders.push(holder)
    await holder.tell(['take', 'frozen', '1s'], 'holds frozen')
    const { page } = await open(browser, `${served.url}#/lock?name=frozen`)
    await page.locator('.card', { hasText: 'stands still' }).waitFor()
    const lost = page.locator('.event', { hasText: 'lost' })
    expect(await lost.count()).toBe(0)
    process.kill(holder.pid, 'SIGSTOP')
    await page.getByText('Nobody holds it').waitFor()
    process.kill(holder.pid, 'SIGCONT')
    await lost.waitFor()
    await page.goto(`${served.url}#/overview`)
    await expect.poll(() => page.locator('.tile .value.bad').innerText()).toMatch(/^[1-9]/)
    await page.close()
  })

  it('has no buttons where nothing may be done', async () => {
    const looking = await serve(createDashboard(locks), { port: 0 })
    const { page } = await open(browser, `${looking.url}#/lock?name=stock`)
    await page.getByText('billing worker').first().waitFor()
    expect(await page.locator('main button').count()).toBe(0)
    await page.close()
    await looking.close()
  })

  it('teaches where there is nothing to see', async () => {
    const none = new Holdfast(redis, { prefix: 'none:' })
    const empty = await serve(createDashboard(none), { port: 0 })
    const { page, complaints } = await open(browser, empty.url)
    const said: Record<(typeof PAGES)[number], RegExp> = {
      overview: /history: true[\s\S]*No lock is held/,
      locks: /No lock is held[\s\S]*mutex/,
      graph: /Nobody waits[\s\S]*mutex/,
      processes: /No process[\s\S]*label/,
      elections: /No election[\s\S]*elections:/,
      health: /reachable/,
    }
    for (const [id, pattern] of Object.entries(said)) {
      await page.goto(`${empty.url}#/${id}`)
      await expect.poll(() => text(page), { timeout: 30_000 }).toMatch(pattern)
      expect([id, await violations(page)]).toEqual([id, []])
    }
    expect(complaints).toEqual([])
    await page.close()
    await empty.close()
    await none.close()
  }, 60_000)

  it('shows how a circle ends', async () => {
    const { page } = await open(browser, `${served.url}#/graph`)
    await page.getByRole('group', { name: 'Deadlock' }).waitFor()
    expect(await page.locator('.node.bad').count()).toBe(4)
    await locks.forceRelease('account:2', { now: true })
    await page.getByText('no deadlock').waitFor()
    expect(await page.locator('.node.bad').count()).toBe(0)
    await page.close()
  }, 40_000)

  it('says what to do while Redis is away, and goes on by itself', async () => {
    const { page } = await open(browser, `${served.url}#/overview`)
    await page.getByRole('heading', { name: 'Most contended' }).waitFor()
    await Promise.all(holders.splice(0).map((one) => one.end()))
    await server.kill()
    const alert = page.getByRole('alert')
    await alert.getByText('Redis cannot be asked').waitFor()
    await alert.getByText('Is the server running').waitFor()
    expect(await violations(page)).toEqual([])
    await server.restart()
    await alert.getByText('Redis cannot be asked').waitFor({ state: 'detached' })
    await page.getByText('Live').waitFor()

    await served.close()
    await alert.getByText('The dashboard does not answer').waitFor()
    served = await serve(createDashboard(locks), { port: served.port })
    await alert.getByText('The dashboard does not answer').waitFor({ state: 'detached' })
    await page.getByText('Live').waitFor()
    await page.close()
  }, 60_000)
})
