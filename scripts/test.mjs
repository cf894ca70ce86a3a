// `npm test`: everything from a bare clone to a result. Arguments go to vitest.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cache } from './lib/paths.mjs'
import { fail, run, tool } from './lib/run.mjs'
import { build, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'

/** A file that does not load has no test to fail, so it counts as one failure itself. */
function count(report) {
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded.length }
}

checkNode()
ensureModules()
build()
if (!(await ensureServers())) fail('the tests need a real server')

const file = join(cache, `vitest-${process.pid}.json`)
mkdirSync(cache, { recursive: true })
const code = run(process.execPath, [
  tool('vitest/vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${file}`,
  ...process.argv.slice(2),
])

let { passed, failed } = { passed: 0, failed: 0 }
try {
  ;({ passed, failed } = count(JSON.parse(readFileSync(file, 'utf8'))))
} catch {
  // vitest did not get as far as a report; its exit code says so
}
rmSync(file, { force: true })
// An error outside of every test, such as an unhandled rejection, fails the run all the same.
if (code !== 0 && failed === 0) failed = 1
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
