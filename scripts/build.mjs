// Builds packages/holdfast/dist: Lua into TypeScript, then one ESM and one CommonJS copy.
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pkg } from './lib/paths.mjs'
import { must, run, tool } from './lib/run.mjs'

const tsc = tool('typescript/bin/tsc')
must(process.execPath, [join(import.meta.dirname, 'bundle-lua.mjs')])

// Built beside dist and swapped in at the end: a failed build leaves the old one in place, and
// no stale file of a renamed source is ever packed.
const out = mkdtempSync(join(pkg, 'dist-'))
const code =
  run(process.execPath, [tsc, '-p', join(pkg, 'tsconfig.build.json'), '--outDir', out]) ||
  run(process.execPath, [tsc, '-p', join(pkg, 'tsconfig.cjs.json'), '--outDir', join(out, 'cjs')])
if (code !== 0) {
  rmSync(out, { recursive: true })
  process.exit(code)
}
chmodSync(out, 0o755) // mkdtemp makes it private
writeFileSync(join(out, 'cjs/package.json'), '{ "type": "commonjs" }\n')
rmSync(join(pkg, 'dist'), { recursive: true, force: true })
renameSync(out, join(pkg, 'dist'))
console.log('built packages/holdfast/dist')
