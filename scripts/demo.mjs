// `npm run demo`: from a bare clone to the running demo, with a real server where there is one.
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { run } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'

checkNode()
ensureModules()
buildIfStale()
const args = process.argv.slice(2)
if (!args.includes('--embedded') && !(await ensureServers())) {
  console.log('no server: the demo runs in this process, with nothing shared')
  args.push('--embedded')
}
// Ctrl-C is for the demo, which ends cleanly; this process waits until it has.
process.on('SIGINT', () => {})
process.exit(run(process.execPath, [join(root, 'demo/main.mjs'), ...args]))
