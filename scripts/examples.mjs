// `npm run examples`: plays every example, from a bare clone, with a real server where there is one.
// `npm run examples -- --embedded` does without.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { run } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'

checkNode()
ensureModules()
buildIfStale()
if (!process.argv.includes('--embedded')) await ensureServers()

const folder = join(root, 'examples')
const files = readdirSync(folder).filter((file) => file.endsWith('.mjs'))
let failed = 0
for (const file of files) {
  console.log(`\n${file}`)
  if (run(process.execPath, [join(folder, file), ...process.argv.slice(2)]) !== 0) {
    failed++
    console.log(`failed test: examples/${file}`)
  }
}
console.log(`\n${files.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 && files.length > 0 ? 0 : 1)
