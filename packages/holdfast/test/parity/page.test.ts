// Pages that name a test for each row keep their word: the tests are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const read = (path: string): string => readFileSync(at(path), 'utf8')

/** The rows of a page's tables, without their heads. */
const rows = (page: string): string[][] =>
  read(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter((cells, i, all) => cells[0] !== '---' && all[i + 1]?.[0] !== '---')

/** The titles of the tests of a file, as they are written there. */
const titles = (file: string): string[] =>
  [
    ...read(`../${file}`).matchAll(/\b(?:test|each)(?:\.\w+)*(?:\([^()]*\))?\(\s*(['"`])(.*?)\1,/g),
  ].map((found) => found[2]!)

/** The tests that a cell names: `file`, "title", "title". */
function* named(cell: string): Generator<{ file: string; wanted: string[] }> {
  for (const [, file, texts = ''] of cell.matchAll(
    /`([\w/-]+\.test\.ts)`((?:,? (?:and )?"[^"]+")*)/g,
  )) {
    yield { file: file!, wanted: [...texts.matchAll(/"([^"]+)"/g)].map((text) => text[1]!) }
  }
}

/** Tests that a page names and that are not there. */
function missing(page: string, column: number): string[] {
  return rows(page).flatMap((cells) => {
    const title = cells[0]!.replaceAll('`', '')
    const tests = [...named(cells[column] ?? '')]
    if (tests.length === 0) return [`${title}: no test`]
    return tests.flatMap(({ file, wanted }) => {
      if (!existsSync(at(`../${file}`))) return [`${title}: no file ${file}`]
      const there = titles(file)
      // A row whose test has no title of its own has that of the row.
      if (wanted.length === 0) return there.includes(title) ? [] : [`${title}: not in ${file}`]
      return wanted
        .filter((text) => !there.some((one) => one.includes(text)))
        .map((text) => `${title}: no "${text}" in ${file}`)
    })
  })
}

test('each row of docs/parity.md has its test', () => {
  expect(rows('../../../../docs/parity.md').length).toBeGreaterThan(130)
  expect(missing('../../../../docs/parity.md', 2)).toEqual([])
})

test('and each test of this folder its row', () => {
  const all = new Set(
    rows('../../../../docs/parity.md').map(([title]) => title!.replaceAll('`', '')),
  )
  const files = readdirSync(at('.')).filter((name) => name.endsWith('.test.ts'))
  const without = files
    .filter((name) => name !== 'page.test.ts')
    .flatMap((name) => titles(`parity/${name}`).filter((title) => !all.has(title)))
  expect(without).toEqual([])
})

test('each defect of test/peers-defects/README.md has its test', () => {
  expect(rows('../peers-defects/README.md').length).toBeGreaterThan(20)
  expect(missing('../peers-defects/README.md', 1)).toEqual([])
})
