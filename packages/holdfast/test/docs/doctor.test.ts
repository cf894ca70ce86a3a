import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { FINDINGS } from '../../src/locks/doctor/findings.js'

const page = fileURLToPath(new URL('../../../../docs/operations.md', import.meta.url))
const HEAD = '| id | what it looks at | what to do |\n| --- | --- | --- |\n'

test('docs/operations.md has the table of the findings (HOLDFAST_DOCS=1 writes it)', () => {
  const text = readFileSync(page, 'utf8')
  const from = text.indexOf(HEAD) + HEAD.length
  const to = text.indexOf('\n\n', from - 1)
  const rows = Object.entries(FINDINGS).map(
    ([id, { looks, advice }]) => `| \`${id}\` | ${looks} | ${advice} |`,
  )
  if (process.env['HOLDFAST_DOCS'] === '1') {
    writeFileSync(page, `${text.slice(0, from)}${rows.join('\n')}${text.slice(to)}`)
  } else expect(text.slice(from, to).split('\n')).toEqual(rows)
})
