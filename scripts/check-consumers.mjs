// Installs the packed package into clean folders, as its users would, and runs a lock in each.
// Words after the command name choose consumers: `npm run check:consumers -- jest`.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from './lib/pack.mjs'
import { cli, dashboard, pkg, root } from './lib/paths.mjs'

const typescript = ['typescript@5.2.2', '@types/node@20.19.43']
const strict = '--strict --target es2022 --outDir out'

/** Each consumer is a folder of templates, what it installs beside holdfast, and its commands. */
const consumers = [
  { name: 'node: import', from: 'node', run: ['node esm.mjs'] },
  { name: 'node: require', from: 'node', run: ['node cjs.cjs'] },
  { name: 'node: both give the same classes', from: 'node', run: ['node same.cjs'] },
  { name: 'jest 30', from: 'jest', install: ['jest@30.5.2'], run: ['npx jest --ci'] },
  {
    name: 'typescript 5.2 node10',
    from: 'typescript',
    install: typescript,
    run: [`npx tsc ${strict} --module commonjs --moduleResolution node10 main.ts`, 'node out/main'],
  },
  {
    name: 'typescript 5.2 node16, from CommonJS',
    from: 'typescript',
    install: typescript,
    type: 'commonjs',
    run: [`npx tsc ${strict} --module node16 main.ts`, 'node out/main.js'],
  },
  {
    name: 'typescript 5.2 node16, from ESM',
    from: 'typescript',
    install: typescript,
    type: 'module',
    run: [`npx tsc ${strict} --module node16 main.ts`, 'node out/main.js'],
  },
  {
    name: 'one file by esbuild',
    from: 'bundle',
    install: ['esbuild@0.28.2'],
    run: [
      'npx esbuild main.mjs --bundle --platform=node --format=esm --outfile=out/main.mjs',
      // Away from the package: nothing of it may be loaded from there.
      'node --input-type=module <out/main.mjs',
    ],
  },
  {
    name: 'dashboard',
    from: 'dashboard',
    packed: dashboard,
    // Its peer, which is in no registry before it is published.
    beside: [pkg],
    type: 'module',
    run: ['node main.mjs'],
  },
  // By itself: it has the library in it.
  {
    name: 'command line: npx',
    from: 'cli',
    packed: cli,
    run: ['npx holdfast --version', 'node run.mjs'],
  },
]

const installed = new Map()
const tarballs = new Map()

function sh(command, cwd) {
  const env = { ...process.env, npm_config_update_notifier: 'false' }
  const { status, stdout, stderr } = spawnSync(command, { cwd, env, shell: true, encoding: 'utf8' })
  if (status !== 0) throw new Error(`$ ${command}\n${stdout}${stderr}`)
}

/** A folder outside of the repository, so that nothing is found by walking up the tree. */
function folderFor({ from, packed = pkg, beside = [], install = [] }) {
  const known = installed.get(from)
  if (known) return known
  const folder = mkdtempSync(join(tmpdir(), `holdfast-consumer-${from}-`))
  installed.set(from, folder)
  cpSync(join(root, 'consumers', from), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const files = [packed, ...beside].map((one) => {
    if (!tarballs.has(one)) tarballs.set(one, pack(one))
    return `"${tarballs.get(one)}"`
  })
  sh(`npm install --no-audit --no-fund ${files.join(' ')} ${install.join(' ')}`, folder)
  return folder
}

function check(consumer) {
  const folder = folderFor(consumer)
  const { type = 'commonjs' } = consumer
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type }))
  rmSync(join(folder, 'out'), { recursive: true, force: true })
  for (const command of consumer.run) sh(command, folder)
}

const words = process.argv.slice(2)
let bad = 0
for (const consumer of consumers) {
  if (words.length > 0 && !words.some((word) => consumer.name.includes(word))) continue
  try {
    check(consumer)
    console.log(`ok   ${consumer.name}`)
  } catch (error) {
    bad++
    console.log(`FAIL ${consumer.name}\n${error.message.trimEnd()}`)
  }
}
for (const folder of installed.values()) rmSync(folder, { recursive: true, force: true })
process.exit(bad === 0 ? 0 : 1)
