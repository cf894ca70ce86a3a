// What people copy from the docs compiles.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const root = at('../../../..')
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))

// Inside of the package, so that the clients are found as its own files find them.
mkdirSync(at('../../temp'), { recursive: true })
const temp = mkdtempSync(at('../../temp/examples-'))
afterAll(() => rmSync(temp, { recursive: true, force: true }))

/** What the examples of README.md leave out: the reader's own, and what came before. */
const ofReadme = `
import type { Holdfast, Lock } from 'holdfast'
import type * as ioredis from 'ioredis'
declare global {
  const locks: Holdfast
  const redis: ioredis.Redis
  function chargeInvoice(id: number, how: Pick<Lock, 'signal' | 'fence'>): Promise<number>
  const db: { query(sql: string, values?: unknown[]): Promise<{ rows: unknown[] }> }
}
`
/** The same of docs/interop.md. */
const ofInterop = `
import type * as holdfast from 'holdfast'
import type { Redis } from 'ioredis'
import type * as semaphore from 'redis-semaphore'
import type * as redlock from 'redlock'
declare global {
  const redis: Redis
  const id: string
  function work(signal?: AbortSignal): Promise<void>
  function onLockLost(error: Error): void
  const Holdfast: typeof holdfast.Holdfast
  const Mutex: typeof semaphore.Mutex
  const Redlock: typeof redlock.default
}
`

/** The same of docs/dashboard.md: the servers that it is mounted in. */
const ofDashboard = `
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { createDashboard } from '@holdfast/dashboard'
import type * as holdfast from 'holdfast'
interface Scope {
  removeAllContentTypeParsers(): void
  addContentTypeParser(
    type: string,
    parser: (request: unknown, body: unknown, done: (error: null) => void) => void,
  ): void
  all(
    url: string,
    handler: (
      request: { raw: IncomingMessage },
      reply: { raw: ServerResponse; hijack(): void },
    ) => void,
  ): void
}
declare global {
  const locks: holdfast.Holdfast
  const dashboard: ReturnType<typeof createDashboard>
  const app: {
    use(path: string, listener: (request: IncomingMessage, response: ServerResponse) => void): void
    all(
      path: string,
      handler: (c: { req: { raw: Request } }) => Response | Promise<Response>,
    ): void
    register(plugin: (scope: Scope) => Promise<void>): Promise<void>
  }
  const Deno: { serve(handler: (request: Request) => Promise<Response>): void }
  const Bun: {
    serve(options: {
      routes: Record<string, (request: Request) => Response | Promise<Response>>
      idleTimeout: number
    }): void
  }
}
`

/** The TypeScript blocks of a page, by the line that each begins at. */
function examples(page: string): Map<number, string> {
  const text = readFileSync(join(root, page), 'utf8')
  // What is called JavaScript nobody would check.
  expect([page, /^```(js|javascript|typescript)$/m.test(text)]).toEqual([page, false])
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
  const line = (index: number): number => text.slice(0, index).split('\n').length + 1
  return new Map(blocks.map((block) => [line(block.index), block[1]!]))
}

/** What the compiler says of the files of a folder. */
function compile(folder: string): string {
  const paths = {
    '@holdfast/dashboard': ['../../../../dashboard/src/index.ts'],
    holdfast: ['../../../src/index.ts'],
    'holdfast/fencing': ['../../../src/fencing/index.ts'],
    'holdfast/otel': ['../../../src/telemetry/otel.ts'],
    'holdfast/prometheus': ['../../../src/telemetry/prometheus.ts'],
    'holdfast/testing': ['../../../src/testing/index.ts'],
    // Its types are not in its exports.
    redlock: ['../../../../../node_modules/redlock5/dist/index.d.ts'],
  }
  const options = { noEmit: true, noUnusedLocals: false, paths }
  const config = { extends: '../../../../../tsconfig.base.json', compilerOptions: options }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, include: ['*.ts'] }))
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
  const tsc = join(dirname(typescript), 'bin/tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  return status === 0 ? '' : stdout
}

const alone = docs
  .filter((name) => name !== 'interop.md' && name !== 'dashboard.md')
  .map((name) => `docs/${name}`)
test.each([
  { title: 'README.md', given: ofReadme, pages: ['README.md'], least: 15 },
  { title: 'docs/interop.md', given: ofInterop, pages: ['docs/interop.md'], least: 3 },
  { title: 'docs/dashboard.md', given: ofDashboard, pages: ['docs/dashboard.md'], least: 4 },
  {
    title: 'the README of the dashboard',
    given: '',
    pages: ['packages/dashboard/README.md'],
    least: 1,
  },
  { title: 'all other pages of docs', given: '', pages: alone, least: 10 },
])(
  'the examples of $title compile',
  ({ given, pages, least }) => {
    const folder = mkdtempSync(join(temp, 'pages-'))
    let count = 0
    for (const page of pages) {
      for (const [line, code] of examples(page)) {
        // A module, whether it imports anything or not.
        writeFileSync(join(folder, `${basename(page)}-${line}.ts`), `${code}export {}\n`)
        count++
      }
    }
    expect(count).toBeGreaterThanOrEqual(least)
    if (given !== '') writeFileSync(join(folder, 'context.d.ts'), given)
    expect(compile(folder)).toBe('')
    // The compiler sees them: one that is wrong is told by its page and line.
    writeFileSync(
      join(folder, 'wrong.md-1.ts'),
      "import { Holdfast } from 'holdfast'\nnew Holdfast(7)",
    )
    expect(compile(folder)).toContain('wrong.md-1.ts')
  },
  60_000,
)
