// Compiles the simulator with the source that it plays, each copy beside the others in .cache/simulate.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache, pkg } from '../lib/paths.mjs'
import { fail, must, tool } from '../lib/run.mjs'

const parts = ['src', 'test/history', 'test/kit', 'test/simulation']

/**
 * @param name of the copy.
 * @param breakage what to change in it, or nothing.
 * @returns the program's file.
 */
export function compile(name, breakage) {
  const from = join(cache, 'simulate', name, 'source')
  const to = join(cache, 'simulate', name, 'program')
  rmSync(join(cache, 'simulate', name), { recursive: true, force: true })
  for (const part of parts) {
    mkdirSync(join(from, part), { recursive: true })
    cpSync(join(pkg, part), join(from, part), { recursive: true })
  }
  if (breakage) plant(from, breakage)
  writeFileSync(join(from, 'package.json'), '{ "type": "module" }\n')
  const options =
    '--ignoreConfig --noCheck --allowJs --module nodenext --target es2022 ' +
    '--lib es2023,esnext.disposable --types node --skipLibCheck'
  const main = join(from, 'test/simulation/main.ts')
  const folders = ['--rootDir', from, '--outDir', to]
  must(process.execPath, [tool('typescript/bin/tsc'), ...options.split(' '), ...folders, main])
  writeFileSync(join(to, 'package.json'), '{ "type": "module" }\n')
  return join(to, 'test/simulation/main.js')
}

function plant(folder, { name, file, find, replace }) {
  const path = join(folder, 'src', file)
  const text = readFileSync(path, 'utf8')
  if (text.split(find).length !== 2) fail(`${name}: ${file} has not exactly once: ${find}`)
  writeFileSync(
    path,
    text.replace(find, () => replace),
  )
}
