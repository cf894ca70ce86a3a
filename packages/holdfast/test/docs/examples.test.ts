// What people copy from the docs compiles.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { recommended } from '../clients/kinds.js'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const pages = ['clients.md', 'operations.md']

// Inside of the package, so that the clients are found as its own files find them.
mkdirSync(at('../../temp'), { recursive: true })
const folder = mkdtempSync(at('../../temp/examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The TypeScript blocks of a page, by the line that each begins at. */
function examples(page: string): Map<number, string> {
  const text = readFileSync(at(`../../../../docs/${page}`), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
  const line = (index: number): number => text.slice(0, index).split('\n').length + 1
  return new Map(blocks.map((block) => [line(block.index), block[1]!]))
}

/** What the compiler says of the files of a folder. */
function compile(): string {
  const paths = {
    holdfast: ['../../src/index.ts'],
    'holdfast/testing': ['../../src/testing/index.ts'],
  }
  const options = { noEmit: true, noUnusedLocals: false, paths }
  const config = { extends: '../../../../tsconfig.base.json', compilerOptions: options }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, include: ['*.ts'] }))
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
  const tsc = join(dirname(typescript), 'bin/tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  return status === 0 ? '' : stdout
}

test('the examples of docs/clients.md and docs/operations.md compile', () => {
  let count = 0
  for (const page of pages) {
    for (const [line, code] of examples(page)) {
      writeFileSync(join(folder, `${page}-${line}.ts`), code)
      count++
    }
  }
  expect(count).toBeGreaterThanOrEqual(10)
  expect(compile()).toBe('')
  // The compiler sees them: one that is wrong is told by its page and line.
  writeFileSync(
    join(folder, 'wrong.md-1.ts'),
    "import { Holdfast } from 'holdfast'\nnew Holdfast(7)",
  )
  expect(compile()).toContain('wrong.md-1.ts')
}, 60_000)

test.each(Object.entries(recommended))(
  'the options of %s that the fault matrix runs with are those of docs/clients.md',
  (client, options) => {
    const text = readFileSync(at('../../../../docs/clients.md'), 'utf8').replaceAll('_', '')
    const section = new RegExp(`^## ${client}$.*?^## `, 'ms').exec(text)![0]
    // Functions are there for the eye to compare.
    for (const [key, value] of Object.entries(options)) {
      if (typeof value !== 'object' && typeof value !== 'function') {
        expect(section).toContain(`${key}: ${value},`)
      }
    }
  },
)
