// Writes the public API of each entry to packages/holdfast/etc, where a change shows in review.
// With --check it only compares, and fails when a report is stale.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pkg } from './lib/paths.mjs'
import { run, tool } from './lib/run.mjs'
import { buildIfStale } from './lib/setup.mjs'

const check = process.argv.includes('--check')
buildIfStale()
mkdirSync(join(pkg, 'etc'), { recursive: true })
let worst = 0
for (const config of [
  'api-extractor.json',
  'api-extractor.fencing.json',
  'api-extractor.otel.json',
  'api-extractor.prometheus.json',
  'api-extractor.testing.json',
]) {
  const args = [tool('@microsoft/api-extractor/bin/api-extractor'), 'run', '-c', join(pkg, config)]
  worst ||= run(process.execPath, check ? args : [...args, '--local'])
}
if (worst !== 0 && check)
  console.error('API report: run `npm run api` and commit packages/holdfast/etc')
process.exit(worst)
