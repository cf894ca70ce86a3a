// Runs when a package is packed or published, in its folder: npm takes from there what is of the repository.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { closed } from './lib/pages.mjs'
import { root } from './lib/paths.mjs'
import { buildIfStale } from './lib/setup.mjs'

const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
/** The pages of the repository in each package. */
const taken = {
  holdfast: ['README.md', 'CHANGELOG.md', ...docs.map((name) => `docs/${name}`)],
  // The program has the library in it: what its errors name is here, and how its servers are run.
  cli: ['docs/cli.md', 'docs/clients.md', 'docs/interop.md', 'docs/operations.md'],
  dashboard: [],
}
const without = `
What is named here without a link, such as ARCHITECTURE.md or the decisions, is in the repository of Holdfast, and not in this package.
`

buildIfStale()
copyFileSync(join(root, 'LICENSE'), 'LICENSE')
rmSync('docs', { recursive: true, force: true })
const paths = taken[basename(process.cwd())]
const own = paths.includes('README.md') ? [] : [['README.md', readFileSync('README.md', 'utf8')]]
const pages = new Map([
  ...own,
  ...paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]),
])
for (const [path, text] of closed(pages, ['LICENSE'])) {
  if (!paths.includes(path)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, path === 'README.md' ? text + without : text)
}
