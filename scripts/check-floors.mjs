// Keeps the library's layers honest: a file imports only from its own folder or from a lower
// floor, no floor from a wing, nothing outside of src/testing needs a package, no file grows past 400 lines, and none that
// adapts one client reaches 100. Of the command line: no file past 400 lines, and none imports what is large before
// it is needed.
import { readFileSync, readdirSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { cli, src as defaultSrc } from './lib/paths.mjs'

const floors = ['base', 'clients', 'kernel', 'quorum', 'lease', 'line', 'locks']
/** Stand on a floor, beside those above it, which do not know of them. */
const wings = new Map([
  ['fencing', 'quorum'],
  ['telemetry', 'base'],
])
const maxLines = 400
const adapters = /^clients\/(ioredis|node-redis|glide)[^/]*\.ts$/
const maxAdapterLines = 99
const src = process.argv[2] ?? defaultSrc

/** Imports, re-exports (a `}` begins the last line of a long one), dynamic imports and types. */
const pattern =
  /(?:(?:^|;)\s*(?:import|export|\})[^'"\n]*\sfrom|(?:^|;)\s*import|\bimport\()\s*(['"])([^'"]+)\1/gm

const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '')

function check(file, text) {
  const found = []
  const [top, ...below] = file.split('/')
  // The entry stands above all floors, and what helps testers may use everything.
  const stands = wings.get(top) ?? top
  const floor = below.length === 0 || top === 'testing' ? Infinity : floors.indexOf(stands)
  if (floor === -1)
    found.push(
      `${file}: no floor of that name; there are ${[...floors, ...wings.keys()].join(', ')}`,
    )
  const lines = text.trimEnd().split('\n').length
  const limit = adapters.test(file) ? maxAdapterLines : maxLines
  if (lines > limit && !file.endsWith('.gen.ts')) {
    found.push(`${file}: ${lines} lines; split it (the limit is ${limit})`)
  }
  for (const [, , name] of withoutComments(text).matchAll(pattern)) {
    if (!name.startsWith('.')) {
      const allowed = (name.startsWith('node:') && isBuiltin(name)) || top === 'testing'
      if (!allowed) found.push(`${file}: imports the package '${name}'; only node: is allowed`)
      continue
    }
    const target = join(dirname(file), name).split(sep).join('/')
    const [to, ...rest] = target.split('/')
    if (to === '..') found.push(`${file}: imports '${name}', which is outside of src`)
    else if (to === top && below.length > 0) continue
    else if (floor !== Infinity && (rest.length === 0 || floors.indexOf(to) === -1)) {
      found.push(`${file}: imports '${name}', which is above every floor`)
    } else if (floors.indexOf(to) > floor) {
      found.push(`${file}: imports '${name}': ${to} lies above ${top}`)
    }
  }
  return found
}

/** Loaded with the program; everything else by `import()` where it is needed. */
const light = ['commander']

function checkProgram(file, text) {
  const found = []
  const lines = text.trimEnd().split('\n').length
  if (lines > maxLines) found.push(`${file}: ${lines} lines; split it (the limit is ${maxLines})`)
  const statements = withoutComments(text).replace(/^\s*(import|export) type [^;]*? from .*$/gm, '')
  for (const [statement, , name] of statements.matchAll(pattern)) {
    const free = name.startsWith('.') || name.startsWith('node:') || light.includes(name)
    if (free || statement.includes('import(')) continue
    found.push(`${file}: imports '${name}' at once; use import() in the action, or import type`)
  }
  return found
}

const sources = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?ts$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .toSorted()
const read = (folder, file) => readFileSync(join(folder, file), 'utf8')
const files = sources(src)
const program = join(cli, 'src')
const programs = sources(program)
const wrong = [
  ...files.flatMap((file) => check(file, read(src, file))),
  ...programs.flatMap((file) => checkProgram(`cli/${file}`, read(program, file))),
]
for (const line of wrong) console.error(line)
console.log(`floors: ${files.length + programs.length} files, ${wrong.length} wrong`)
process.exit(wrong.length === 0 ? 0 : 1)
