// What has to be there before tests or the demo can run. Works from a bare clone, so nothing here
// may import a package.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findChromium } from './chromium.mjs'
import { cli, dashboard, pkg, root, src } from './paths.mjs'
import { fail, must, npm, run } from './run.mjs'

const mtime = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Holdfast needs Node.js 20.19 or newer; this is ${process.version}`)
  }
}

/**
 * npm leaves its own copy of the lock file in node_modules, which tells when it last ran.
 *
 * @param {string} [folder] with a lock file of its own
 */
export function ensureModules(folder = '.') {
  const cwd = join(root, folder)
  const installed = mtime(join(cwd, 'node_modules/.package-lock.json'))
  if (installed >= mtime(join(cwd, 'package-lock.json')) && installed > 0) return
  console.log(`installing packages${folder === '.' ? '' : ` of ${folder}`} (npm ci) ...`)
  npm(['ci', '--no-audit', '--no-fund'], { cwd })
}

export const build = () => must(process.execPath, [join(root, 'scripts/build.mjs')])

export function buildIfStale() {
  const newest = (folder) =>
    Math.max(...readdirSync(folder, { recursive: true }).map((file) => mtime(join(folder, file))))
  const library = mtime(join(pkg, 'dist/cjs/package.json'))
  const page = mtime(join(dashboard, 'dist/ui/index.html'))
  const program = mtime(join(cli, 'dist/main.js'))
  const parts = ['src', 'ui'].map((folder) => newest(join(dashboard, folder)))
  const stale = newest(src) > library || Math.max(...parts) > page
  if (stale || newest(join(cli, 'src')) > program) build()
}

const howTo = 'install one: `apt install redis-server` or `brew install valkey`, or set REDIS_URL'

const canInstall = () =>
  process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/apt-cache')

/**
 * Says which servers there are and installs missing ones where that is welcome: in CI both
 * engines are wanted, on a person's machine one is enough. Call it after a build, because the
 * finder is the package's own.
 *
 * @returns {Promise<boolean>} whether there is any server to work with
 */
export async function ensureServers() {
  const entry = pathToFileURL(join(pkg, 'dist/testing/index.js')).href
  const { findServer } = await import(entry)
  const engines = ['redis', 'valkey']
  const look = async () =>
    (await Promise.all(engines.map((engine) => findServer({ engine })))).filter(Boolean)

  let found = await look()
  const missing = engines.filter((engine) => !found.some((server) => server.engine === engine))
  const url = process.env.REDIS_URL
  const welcome = process.env.CI === 'true' || (found.length === 0 && !url)
  if (missing.length > 0 && welcome && canInstall()) {
    for (const engine of missing) {
      console.log(`installing ${engine}-server ...`)
      const code = run('bash', [join(root, 'scripts/lib/apt-servers.sh'), engine], {
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      if (code !== 0) console.log(`could not install ${engine}-server`)
    }
    found = await look()
  }
  if (found.length > 0) {
    console.log(`servers: ${found.map(({ engine, version }) => `${engine} ${version}`).join(', ')}`)
  } else if (url) console.log('servers: none here; REDIS_URL is set')
  else console.log(`servers: none found; ${howTo}`)
  return found.length > 0 || Boolean(url)
}

/** The tests of the dashboard's page need one; without it they say so and are skipped. In CI it is installed. */
export function ensureBrowser() {
  if (findChromium() || process.env.CI !== 'true' || !canInstall()) return
  console.log('installing chromium ...')
  const options = { stdio: ['ignore', 'ignore', 'inherit'] }
  run('apt-get', ['update', '-qq'], options)
  const code = run(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', 'chromium'],
    options,
  )
  if (code !== 0) console.log('could not install chromium')
}
