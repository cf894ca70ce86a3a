import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { expect } from 'vitest'

/** A program for `startWorker`: many locks, and many who wait. */
export const CROWD = fileURLToPath(new URL('crowd.mjs', import.meta.url))

export const launch = (executablePath: string): Promise<Browser> =>
  // As root it cannot have its own sandbox; it sees nothing but what these tests serve.
  chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

/** A page that remembers what its console complains of: errors, and whatever the CSP refused. */
export async function open(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options })
  page.setDefaultTimeout(20_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await page.goto(url)
  return { page, complaints }
}

/**
 * What axe-core finds wrong with a page as it is now.
 *
 * @param rules only these; none: all
 */
export async function violations(page: Page, rules: readonly string[] = []): Promise<string[]> {
  const options = { resultTypes: ['violations'], ...(rules.length > 0 ? { runOnly: rules } : {}) }
  // By the debugger, which no policy of the page keeps out.
  await page.evaluate(axe.source)
  const found = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as {
    violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[]
  }
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary ?? ''}`,
  )
}

/** No page is wider than its window: its tables and graphs scroll by themselves. */
export async function expectFits(page: Page): Promise<void> {
  const over = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
  expect(await page.evaluate(over)).toBe(0)
}
