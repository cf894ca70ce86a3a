import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { cache, root } from './paths.mjs'
import { run, tool } from './run.mjs'

/** One line for each test that failed: in a long log the reporter's own lines are far apart. */
function name(report) {
  for (const { name: file, message, assertionResults } of report.testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    for (const { fullName, failureMessages } of failed) {
      const [why = ''] = (failureMessages[0] ?? '').split('\n')
      console.log(`failed test: ${relative(root, file)}: ${fullName}: ${why}`)
    }
    if (failed.length === 0 && message)
      console.log(`failed test: ${relative(root, file)}: ${message}`)
  }
}

/** A file that does not load has no test to fail, so it counts as one failure itself. */
function count(report) {
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests,
  }
}

/**
 * Runs tests.
 *
 * @param {string[]} args for vitest: files, options
 * @param {object} options of the process
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function runTests(args, options = {}) {
  const file = join(cache, `vitest-${process.pid}.json`)
  mkdirSync(cache, { recursive: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const code = run(
    process.execPath,
    [tool('vitest/vitest.mjs'), 'run', ...reporters, ...args],
    options,
  )
  let result = { passed: 0, failed: 0, skipped: 0 }
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'))
    name(report)
    result = count(report)
  } catch {
    // vitest did not get as far as a report; its exit code says so
  }
  rmSync(file, { force: true })
  // An error outside of every test, such as an unhandled rejection, fails the run all the same.
  if (code !== 0 && result.failed === 0) result.failed = 1
  return result
}
