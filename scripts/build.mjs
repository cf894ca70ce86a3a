// Builds packages/holdfast/dist: Lua into TypeScript, then one ESM and one CommonJS copy. Each is put together
// into a few files, because to load a hundred takes longer than all that is in them. Then what is made of it:
// packages/dashboard/dist and the program, packages/cli/dist.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { rolldown } from 'rolldown'
import { buildCli } from './lib/build-cli.mjs'
import { buildDashboard } from './lib/build-dashboard.mjs'
import { closure } from './lib/closure.mjs'
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
const entries = [
  'index',
  'fencing/index',
  'telemetry/otel',
  'telemetry/prometheus',
  'testing/index',
]
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [entry, join(out, `${entry}.js`)])),
  platform: 'node',
  // Node's own modules, and the clients, which are the user's.
  external: /^[^./]/,
})
/** What an import loads, and what is loaded when it is needed (see src/base/part.ts): a file each. */
const [core, fencing, taken] = ['index', 'fencing/index', 'locks/works'].map((name) =>
  closure(join(out, `${name}.js`)),
)
const groups = [
  {
    name: 'base',
    test: (id) =>
      /rolldown[\\/]runtime|base[\\/]errors/.test(id) || (core.has(id) && fencing.has(id)),
  },
  { name: 'core', test: (id) => core.has(id) },
  { name: 'clients', test: (id) => taken.has(id) && fencing.has(id) },
  // Whatever several parts have in common is there with it.
  { name: 'works', test: (id) => taken.has(id) || /(panel|gather|news)\.js$/.test(id) },
].map((group, i, all) => ({ ...group, priority: all.length - i }))
const made = join(out, 'made')
for (const [format, folder] of Object.entries({ esm: made, cjs: join(made, 'cjs') })) {
  await bundle.write({
    dir: folder,
    format,
    sourcemap: true,
    // An import reads every byte. Names and lines stay, so that a stack trace shows code; the
    // docstrings are in the declarations.
    comments: { legal: true, annotation: true, jsdoc: false },
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    codeSplitting: { groups },
  })
}
await bundle.close()
for (const file of readdirSync(out, { recursive: true })) {
  if (/\.js(\.map)?$/.test(file) && !file.startsWith('made')) rmSync(join(out, file))
}
for (const file of readdirSync(made, { recursive: true, withFileTypes: true })) {
  if (!file.isFile()) continue
  const from = join(file.parentPath, file.name)
  const to = join(out, relative(made, from))
  mkdirSync(dirname(to), { recursive: true })
  renameSync(from, to)
}
rmSync(made, { recursive: true })
chmodSync(out, 0o755) // mkdtemp makes it private
writeFileSync(join(out, 'cjs/package.json'), '{ "type": "commonjs" }\n')
rmSync(join(pkg, 'dist'), { recursive: true, force: true })
renameSync(out, join(pkg, 'dist'))
console.log('built packages/holdfast/dist')
await buildDashboard()
console.log('built packages/dashboard/dist')
await buildCli()
console.log('built packages/cli/dist')
