// The parts of packages/holdfast/test/kit that programs use outside of vitest: compiled on demand.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cache, pkg, src } from './paths.mjs'
import { must, tool } from './run.mjs'

const kit = join(pkg, 'test/kit')
const out = join(cache, 'kit')

const newest = (folder) =>
  Math.max(
    ...readdirSync(folder, { recursive: true }).map((file) => statSync(join(folder, file)).mtimeMs),
  )

/**
 * @param {string[]} names of files, without `.ts`
 * @returns {Promise<object>} everything that they export
 */
export async function testKit(...names) {
  const made = names.map((name) => join(out, `test/kit/${name}.js`))
  const oldest = Math.min(
    ...made.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0),
  )
  if (oldest < Math.max(newest(kit), newest(src))) {
    const config = join(pkg, 'tsconfig.kit.json')
    must(process.execPath, [tool('typescript/bin/tsc'), '-p', config, '--outDir', out])
  }
  const all = await Promise.all(made.map((file) => import(pathToFileURL(file).href)))
  return Object.assign({}, ...all)
}
