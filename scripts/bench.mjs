// `npm run bench`: from a bare clone to the results page. Arguments go to bench/main.mjs.
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { fail, run } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'

checkNode()
ensureModules()
ensureModules('bench')
buildIfStale()
const args = process.argv.slice(2)
const idle = args.includes('--draw') || args.includes('--list')
if (!idle && !(await ensureServers())) fail('the benchmarks need a real server')
// Ctrl-C is for the run, which ends its servers; this process waits until it has.
process.on('SIGINT', () => {})
process.exit(run(process.execPath, [join(root, 'bench/main.mjs'), ...args]))
