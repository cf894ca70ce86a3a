// How long a package takes to import, over a bare start of Node, and how large it is as a bundle.
import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { interleave } from '../lib/rounds.mjs'

const here = fileURLToPath(new URL('..', import.meta.url))
/** The clients are their user's, and are not counted. */
const external = ['ioredis', 'redis', '@redis/client', 'iovalkey', '@valkey/valkey-glide']
/** Of a package that loads parts of itself later: what its first call for a lock on one server loads. */
const FIRST_CALL = { holdfast: /shared\/works\.js$/ }

const spent = `process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  process.stdout.write(String((user + system) / 1000))
})`

/** A process that imports it: how long it is there, and what it takes of the processor, ms. */
function start(code) {
  const before = performance.now()
  const args = ['--input-type=module', '-e', `${code};${spent}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: here,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1))
  return { ms: performance.now() - before, cpu: Number(stdout) }
}

async function bundled(name, splitting) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from '${name}'`, resolveDir: here },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    outdir: 'out',
    splitting,
    format: 'esm',
    platform: 'node',
    external,
    // As it is shipped: the repository's own paths lead to the sources.
    tsconfigRaw: {},
    absWorkingDir: here,
    logLevel: 'silent',
  })
  return outputFiles.map((file) => {
    const path = relative(here, file.path)
    const bytes = gzipSync(file.contents, { level: 9 }).length
    return { ...metafile.outputs[path], path, bytes }
  })
}

/** What is loaded with a file of a bundle: itself, and what it imports at once. */
function loaded(files, entry, found = new Set()) {
  if (entry && !found.has(entry)) {
    found.add(entry)
    for (const { path, kind } of entry.imports) {
      const next = files.find((file) => file.path === path)
      if (kind === 'import-statement') loaded(files, next, found)
    }
  }
  return found
}

const sum = (files) => [...files].reduce((all, { bytes }) => all + bytes, 0)

/** Minified and gzipped: what an import loads, that and a first lock, and all of it in one file. */
async function sizes(name) {
  const files = await bundled(name, true)
  const first = loaded(
    files,
    files.find(({ entryPoint }) => entryPoint === '<stdin>'),
  )
  const initialBytes = sum(first)
  const has = ({ inputs }) => Object.keys(inputs).some((path) => FIRST_CALL[name]?.test(path))
  const lockBytes = sum(loaded(files, files.find(has), first))
  return { initialBytes, lockBytes, bundleBytes: sum(await bundled(name, false)) }
}

export const importing = {
  id: 'import',
  title: 'Import, over a bare start of Node; size as a minified and gzipped bundle',
  measures: 'import',
  weight: 40,
  async run(bench) {
    const slice = async ({ package: name }) => {
      const bare = start('')
      const whole = start(`import '${name}'`)
      return { ms: whole.ms - bare.ms, cpu: whole.cpu - bare.cpu }
    }
    const subjects = bench.subjects((subject) => subject.package)
    return interleave(bench, subjects, {
      rounds: bench.plan.importRuns,
      slice,
      extra: ({ package: name }) => sizes(name),
    })
  },
}
