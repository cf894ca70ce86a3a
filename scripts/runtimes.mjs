// `npm run test:runtimes`: the packed package under other runtimes than this one, on a real server.
// Words choose runtimes: `npm run test:runtimes -- bun deno`. With --skip-missing a runtime that
// cannot be installed is no failure.
import { spawn } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pack } from './lib/pack.mjs'
import { pkg } from './lib/paths.mjs'
import {
  BUN,
  DENO,
  denoEnv,
  npmInstall,
  programOf,
  runtimesHome,
  windows,
} from './lib/programs.mjs'
import { fail } from './lib/run.mjs'
import { buildIfStale, ensureServers } from './lib/setup.mjs'

/** Each is an npm package with a program of that name, which is given `args` and a script. */
const runtimes = [
  // The oldest that is promised.
  { name: 'node 20', install: 'node@20.19.0', run: 'conformance.mjs', everywhere: true },
  { name: 'node 22', install: 'node@22.23.3', run: 'conformance.mjs', everywhere: true },
  { name: 'node 24', install: 'node@24.21.0', run: 'conformance.mjs', everywhere: true },
  { name: 'bun', install: BUN, run: 'smoke.mjs' },
  { name: 'deno', install: DENO, run: 'smoke.mjs', args: ['run', '-A'] },
]
// One that hangs is to fail, not to hang CI.
const LIMIT_MS = 120_000

/** A folder with the packed package and the clients, as in a user's project. */
function project() {
  const { devDependencies } = JSON.parse(readFileSync(join(pkg, 'package.json'), 'utf8'))
  const clients = ['ioredis', 'redis'].map((name) => `${name}@${devDependencies[name]}`)
  const folder = join(runtimesHome, 'project')
  // npm would keep the package of an earlier run, which has the same version.
  rmSync(folder, { recursive: true, force: true })
  npmInstall(folder, [pack(), ...clients])
  const scripts = join(import.meta.dirname, 'runtimes')
  for (const file of readdirSync(scripts)) copyFileSync(join(scripts, file), join(folder, file))
  return folder
}

function runScript(program, { run, args = [] }, cwd, url) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...denoEnv }
    const child = spawn(program, [...args, run, url], { cwd, env, shell: windows })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
    const timer = setTimeout(() => {
      output += `it did not end within ${LIMIT_MS / 1000} s`
      child.kill('SIGKILL')
    }, LIMIT_MS)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code === 0) resolve(output.trim().split('\n').at(-1))
      else reject(new Error(`${basename(program)} ${run} ended with ${code}:\n${output.trim()}`))
    })
  })
}

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const skipMissing = process.argv.includes('--skip-missing')
const chosen = runtimes.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
)
if (chosen.length === 0) fail(`no runtime has ${words.join(' or ')} in its name`)

buildIfStale()
if (!(await ensureServers())) fail('the runtimes need a real server')
const { findServer, startServer } = await import(
  pathToFileURL(join(pkg, 'dist/testing/index.js')).href
)
const engines = []
for (const engine of ['redis', 'valkey']) if (await findServer({ engine })) engines.push(engine)
const servers = []
let passed = 0
let failed = 0
try {
  const options = engines.length > 0 ? engines.map((engine) => ({ engine })) : [{}]
  for (const option of options) servers.push(await startServer(option))
  const folder = project()
  for (const runtime of chosen) {
    let program
    try {
      program = programOf(runtime.install)
    } catch (error) {
      if (!skipMissing) failed++
      console.log(`${skipMissing ? 'skip' : 'FAIL'} ${runtime.name}: ${error.message.trimEnd()}`)
      continue
    }
    try {
      const said = []
      for (const { engine, version, url } of runtime.everywhere ? servers : servers.slice(0, 1)) {
        said.push(`${await runScript(program, runtime, folder, url)} on ${engine} ${version}`)
      }
      passed++
      console.log(`ok   ${runtime.install}: ${said.join(', ')}`)
    } catch (error) {
      failed++
      console.log(`FAIL ${runtime.install}: ${error.message}`)
    }
  }
} finally {
  for (const server of servers) await server.stop()
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
