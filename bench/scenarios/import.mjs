// How long a package takes to import, over a bare start of Node, and how large it is as a bundle.
import { spawnSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { interleave } from '../lib/rounds.mjs'

const here = fileURLToPath(new URL('..', import.meta.url))
/** The clients are their user's, and are not counted. */
const external = ['ioredis', 'redis', '@redis/client', 'iovalkey', '@valkey/valkey-glide']

function start(code) {
  const before = performance.now()
  const args = ['--input-type=module', '-e', code]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: here, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1))
  return performance.now() - before
}

async function bundle(name) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${name}'`, resolveDir: here },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    external,
    logLevel: 'silent',
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

export const importing = {
  id: 'import',
  title: 'Import, over a bare start of Node; size as a minified and gzipped bundle',
  measures: 'import',
  weight: 40,
  async run(bench) {
    const slice = async ({ package: name }) => {
      const bare = start('')
      return { ms: start(`import '${name}'`) - bare }
    }
    const subjects = bench.subjects((subject) => subject.package)
    return interleave(bench, subjects, {
      rounds: bench.plan.importRuns,
      slice,
      extra: async ({ package: name }) => ({ bundleBytes: await bundle(name) }),
    })
  },
}
