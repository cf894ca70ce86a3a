// `npm test`: everything from a bare clone to a result. Arguments go to vitest.
import { fail } from './lib/run.mjs'
import { build, checkNode, ensureBrowser, ensureModules, ensureServers } from './lib/setup.mjs'
import { runTests } from './lib/vitest.mjs'

checkNode()
ensureModules()
build()
if (!(await ensureServers())) fail('the tests need a real server')
ensureBrowser()

const { passed, failed } = runTests(process.argv.slice(2))
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
