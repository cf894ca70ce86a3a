// `npm run test:mounts`: each server of docs/dashboard.md that the dashboard is mounted in, for real: its page, a file
// of it, data, a live page and an action, asked for over HTTP while a lock on a real server is held and waited for.
// Words choose: `npm run test:mounts -- nest next`. With --skip-missing a runtime that cannot be installed is no failure.
import { strict as assert } from 'node:assert'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { pack } from './lib/pack.mjs'
import { cache, dashboard, pkg, root } from './lib/paths.mjs'
import { BUN, DENO, denoEnv, npmInstall, programOf } from './lib/programs.mjs'
import { fail, npm } from './lib/run.mjs'
import { buildIfStale, checkNode, ensureModules, ensureServers } from './lib/setup.mjs'

const from = join(root, 'mounts')
const home = join(cache, 'mounts')
const next = join(home, 'node_modules/next/dist/bin/next')
const node = () => process.execPath

/** Each listens on the port of PORT, below /locks. */
const mounts = [
  { name: 'express', program: node, args: ['express.mjs'] },
  { name: 'nest', program: node, args: ['nest.mjs'] },
  { name: 'fastify', program: node, args: ['fastify.mjs'] },
  { name: 'hono', program: node, args: ['hono.mjs'] },
  {
    name: 'next',
    program: node,
    build: [next, 'build'],
    args: [next, 'start', '-H', '127.0.0.1'],
    folder: 'next',
  },
  { name: 'bun', program: () => programOf(BUN), args: ['bun.mjs'] },
  { name: 'deno', program: () => programOf(DENO), args: ['run', '-A', 'deno.mjs'] },
]
/** One that hangs is to fail, not to hang CI. */
const LIMIT_MS = 120_000

/** The folder of `mounts` outside of it, with what its lock file says and the packed packages. */
function install() {
  mkdirSync(home, { recursive: true })
  const installed = statSync(join(home, 'node_modules/.package-lock.json'), {
    throwIfNoEntry: false,
  })
  for (const name of readdirSync(home)) {
    if (name !== 'node_modules') rmSync(join(home, name), { recursive: true })
  }
  cpSync(from, home, { recursive: true })
  const wanted = statSync(join(from, 'package-lock.json')).mtimeMs
  if (!installed || installed.mtimeMs < wanted) {
    console.log('installing the packages of mounts (npm ci) ...')
    npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: home })
  }
  // npm would keep the packages of an earlier run, which have the same versions.
  for (const name of ['holdfast', '@holdfast']) {
    rmSync(join(home, 'node_modules', name), { recursive: true, force: true })
  }
  npmInstall(home, [pack(pkg), pack(dashboard)])
}

/** The lines of the page are those that run here. */
function compareWithDocs() {
  const text = readFileSync(join(root, 'docs/dashboard.md'), 'utf8')
  const [, part] = /^## Where it is mounted\n(.*?)^## /ms.exec(text)
  const code = [...part.matchAll(/^```ts\n(.*?)^```$/gms)].flatMap(([, block]) => block.split('\n'))
  const lines = code.map((line) =>
    line
      .replace(/(^|\s)\/\/.*/, '')
      .replace(': Request', '')
      .trim(),
  )
  const files = readdirSync(from, { recursive: true }).filter((file) => /\.m?js$/.test(file))
  const known = new Set(
    files.flatMap((file) =>
      readFileSync(join(from, file), 'utf8')
        .split('\n')
        .map((l) => l.trim()),
    ),
  )
  assert.ok(lines.length > 15)
  for (const line of lines) {
    assert.ok(
      line === '' || known.has(line),
      `docs/dashboard.md has a line that no mount has: ${line}`,
    )
  }
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

async function start({ program, args, build, folder = '.' }, url) {
  const port = await freePort()
  const env = {
    ...process.env,
    ...denoEnv,
    REDIS_URL: url,
    PORT: String(port),
    DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    NEXT_TELEMETRY_DISABLED: '1',
  }
  const cwd = join(home, folder)
  if (build) {
    const { status, stdout, stderr } = spawnSync(program(), build, { cwd, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`it cannot be built:\n${stdout}${stderr}`)
  }
  const child = spawn(program(), args, { cwd, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  const ended = new Promise((resolve) => child.on('close', resolve))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  const base = `http://127.0.0.1:${port}/locks`
  const give = performance.now() + LIMIT_MS
  for (;;) {
    const up = await fetch(base).then(
      async (response) => response.body?.cancel().then(() => true),
      () => false,
    )
    if (up) return { base, stop, output: () => output }
    if (child.exitCode !== null || performance.now() > give) {
      await stop()
      throw new Error(`it does not listen:\n${output}`)
    }
    await sleep(50)
  }
}

/** Events of a live page, as they come. */
async function* events(body) {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? []
      if (event) yield { event, data: JSON.parse(data) }
    }
  }
}

/** All that the page asks for. */
async function ask(base, locks) {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const get = (path, init) => fetch(base + path, { signal, ...init })
  // Not that of a mount before, should that have failed while it held.
  const name = `orders/7 ü ${base}`
  const lock = await locks.mutex(name).acquire({ ttl: '120s' })

  const bare = await get('?filter=x')
  assert.equal(bare.url, `${base}/?filter=x`, 'the page is where it is with a slash')
  assert.equal(bare.status, 200)
  assert.match(bare.headers.get('content-security-policy'), /frame-ancestors 'none'/)
  const scripts = [...(await bare.text()).matchAll(/"(assets\/[^"]+\.js)"/g)]
  assert.equal(scripts.length, 2)
  for (const [, script] of scripts) {
    const file = await get(`/${script}`)
    assert.equal(file.status, 200)
    assert.match(file.headers.get('content-type'), /javascript/)
    assert.match(file.headers.get('cache-control'), /immutable/)
    assert.ok((await file.text()).length > 5000)
  }

  const { rows } = await (await get(`/api/locks?filter=${encodeURIComponent(name)}`)).json()
  assert.deepEqual(
    rows.map((row) => [row.name, row.mode]),
    [[name, 'exclusive']],
  )

  // What changes is told while the answer is under way.
  const left = new AbortController()
  const live = await get(`/api/live?page=lock&name=${encodeURIComponent(name)}`, {
    signal: AbortSignal.any([signal, left.signal]),
  })
  assert.match(live.headers.get('content-type'), /^text\/event-stream/)
  const pages = events(live.body)
  const page = async (so) => {
    for (;;) {
      const { done, value } = await pages.next()
      assert.ok(!done, 'the live page ended')
      if (value.event === 'page' && so(value.data)) return
    }
  }
  await page(({ row }) => row.mode === 'exclusive' && row.waiting === 0)
  const waits = new AbortController()
  const waiting = locks.mutex(name).acquire({ wait: Infinity, signal: waits.signal })
  await page(({ row }) => row.waiting === 1)
  left.abort()

  const revoke = (headers) =>
    get('/api/revoke', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ name, reason: 'deploy, ünd' }),
    })
  const refused = await revoke({ 'sec-fetch-site': 'cross-site' })
  assert.deepEqual([refused.status, (await refused.json()).error.code], [403, 'ERR_CROSS_SITE'])
  assert.equal(lock.revoked.aborted, false)
  const done = await revoke({ 'sec-fetch-site': 'same-origin' })
  assert.deepEqual([done.status, await done.json()], [200, { asked: 1 }])
  while (!lock.revoked.aborted) {
    signal.throwIfAborted()
    await sleep(10)
  }
  waits.abort()
  await waiting.catch(() => undefined)
  await lock.release()
}

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const skipMissing = process.argv.includes('--skip-missing')
const chosen = mounts.filter(({ name }) => words.length === 0 || words.includes(name))
if (chosen.length === 0) fail(`no mount is called ${words.join(' or ')}`)
checkNode()
ensureModules()
buildIfStale()
if (!(await ensureServers())) fail('the mounts need a real server')
compareWithDocs()
install()
const { startServer } = await import(pathToFileURL(join(pkg, 'dist/testing/index.js')).href)
const { Holdfast } = await import(pathToFileURL(join(pkg, 'dist/index.js')).href)
const { Redis } = await import('ioredis')
const server = await startServer()
const redis = new Redis(server.url)
await once(redis, 'ready')
const locks = new Holdfast(redis)
let passed = 0
let failed = 0
for (const mount of chosen) {
  let running
  try {
    mount.program()
  } catch (error) {
    if (!skipMissing) failed++
    console.log(`${skipMissing ? 'skip' : 'FAIL'} ${mount.name}: ${error.message.trimEnd()}`)
    continue
  }
  try {
    running = await start(mount, server.url)
    await ask(running.base, locks)
    passed++
    console.log(`ok   ${mount.name}`)
  } catch (error) {
    failed++
    console.log(`FAIL ${mount.name}: ${error.stack}\n${running?.output() ?? ''}`.trimEnd())
  }
  await running?.stop()
}
await locks.close()
redis.disconnect()
await server.stop()
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
