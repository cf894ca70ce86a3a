// Are the packed packages such that every kind of consumer can load them? Judged on the tarballs themselves.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import { pack } from './lib/pack.mjs'
import { deadLinks } from './lib/pages.mjs'
import { cache, cli, dashboard } from './lib/paths.mjs'
import { fail, must, tool } from './lib/run.mjs'

/** What is in a tarball: the texts of its files by their paths. */
function contents(tarball) {
  const folder = mkdtempSync(join(cache, 'tarball-'))
  must('tar', ['-xzf', tarball, '-C', folder])
  const home = join(folder, 'package')
  const files = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
  const texts = files.map((file) => [
    file.slice(home.length + 1).replaceAll(sep, '/'),
    readFileSync(file, 'utf8'),
  ])
  rmSync(folder, { recursive: true })
  return new Map(texts)
}

/** Its pages lead somewhere, and the pages that its errors name are there. */
function checkPages(tarball) {
  const files = contents(tarball)
  const paths = [...files.keys()]
  const pages = new Map([...files].filter(([path]) => path.endsWith('.md')))
  const lost = deadLinks(pages, paths)
  for (const [path, text] of files) {
    if (!path.endsWith('.js')) continue
    const named = text.replace(/^\s*(\/\/|\/?\*).*/gm, '').match(/\bdocs\/[\w-]+\.md\b/g) ?? []
    for (const page of new Set(named)) if (!pages.has(page)) lost.push(`${path}: ${page}`)
  }
  if (!pages.has('README.md')) lost.push('README.md: none')
  if (lost.length > 0) fail(`${tarball} has links that lead nowhere:\n  ${lost.join('\n  ')}`)
  console.log(`${tarball}: each link of ${pages.size} pages leads somewhere`)
}

const tarball = pack()
must(process.execPath, [tool('publint/src/cli.js'), '--strict', tarball])
must(process.execPath, [tool('@arethetypeswrong/cli/dist/index.js'), tarball])
checkPages(tarball)
const page = pack(dashboard)
must(process.execPath, [tool('publint/src/cli.js'), '--strict', page])
// For modules only; who requires it needs a Node that can.
must(process.execPath, [tool('@arethetypeswrong/cli/dist/index.js'), page, '--profile', 'esm-only'])
checkPages(page)
// A program, which nothing is imported from.
const program = pack(cli)
must(process.execPath, [tool('publint/src/cli.js'), '--strict', program])
checkPages(program)
