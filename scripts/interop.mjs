// `npm run test:interop`: the tests with other lock libraries, those of Python, Go and Java included.
// Installs and builds what they need, into the cache folder, and skips nothing. Arguments go to vitest.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import {
  commands,
  mark,
  metricsReader,
  redisson,
  redsync,
} from '../packages/holdfast/test/interop/programs.mjs'
import { pkg, root } from './lib/paths.mjs'
import { fail, run } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'
import { runTests } from './lib/vitest.mjs'

const ask = (command, args, options) =>
  spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options })
const there = (command, args) => ask(command, args).status === 0
const offline = 'Without a network this works only where it has been built before.'

/** Installs packages of Debian, where that is welcome; says what is needed where it is not. */
function apt(what, ...packages) {
  const can = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
  const debian = `apt-get install ${packages.join(' ')}`
  if (!can) fail(`${what} is needed and is not here; on Debian: ${debian}`)
  console.log(`installing ${packages.join(', ')} ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] }
  const quietly = (...args) => run('apt-get', ['-qq', ...args], options)
  quietly('update')
  const code = quietly('install', '-y', '--no-install-recommends', ...packages)
  if (code !== 0) fail(`${what} is needed, and \`${debian}\` failed. ${offline}`)
}

/** Builds into a folder that is named by its sources, unless that is there already. */
function make(what, { source, out }, command, args, env = {}) {
  if (existsSync(mark(out))) return
  console.log(`building the program with ${what} into ${relative(root, out)} ...`)
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const code = run(command, args, { cwd: source, env: { ...process.env, ...env } })
  if (code !== 0) fail(`${command} could not build the program with ${what}. ${offline}`)
  writeFileSync(mark(out), '')
}

/** Ends where Go is older than go.mod asks for, as that of Debian 12 is. */
function checkGo(source) {
  const [, needed] = /^go (\S+)$/m.exec(readFileSync(join(source, 'go.mod'), 'utf8'))
  // In the module's folder: from 1.21 on Go gets itself the version that a module needs.
  const said = ask('go', ['env', 'GOVERSION'], { cwd: source })
  const version = said.stdout.trim()
  const [major, minor] = version.replace(/^go/, '').split('.').map(Number)
  const [least, lesser] = needed.split('.').map(Number)
  if (major > least || (major === least && minor >= lesser)) return
  const here = version === '' ? said.stderr.trim() : `this is ${version}`
  fail(
    `Go ${needed} or newer is needed (${here}). Install it from https://go.dev/dl, or on Debian 12\n` +
      'from its backports: apt-get install -t bookworm-backports golang-go. Then run this again.',
  )
}

checkNode()
ensureModules()
buildIfStale()
if (!(await ensureServers())) fail('the tests need a real server')

if (typeof commands['redis-py']() === 'string') apt('redis-py', 'python3-redis')
if (typeof metricsReader() === 'string') apt('prometheus_client', 'python3-prometheus-client')

const go = redsync()
if (!existsSync(mark(go.out))) {
  if (!there('go', ['version'])) apt('Go', 'golang-go')
  checkGo(go.source)
  // What go.mod says, and nothing newer, by the Go that is here.
  const env = { GOFLAGS: '-mod=readonly -buildvcs=false' }
  make('redsync', go, 'go', ['build', '-o', join(go.out, 'redsync'), '.'], env)
}

const java = redisson()
if (!there('java', ['-version']) || (!existsSync(mark(java.out)) && !there('mvn', ['-v']))) {
  apt('Java with Maven', 'default-jdk-headless', 'maven')
}
const goals = ['compiler:compile', 'dependency:copy-dependencies']
make('Redisson', java, 'mvn', ['-q', '-B', `-Dout=${java.out}`, ...goals])

const { passed, failed, skipped } = runTests(
  [relative(root, join(pkg, 'test/interop')), ...process.argv.slice(2)],
  { env: { ...process.env, HOLDFAST_INTEROP: 'all' } },
)
if (skipped > 0) console.log(`${skipped} were skipped, and none should be`)
console.log(`\n${passed} passed, ${failed + skipped} failed`)
process.exit(failed + skipped === 0 ? 0 : 1)
