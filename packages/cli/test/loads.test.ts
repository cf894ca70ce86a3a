// What is loaded, and what is not: a program that is run each minute has no time for what it does not need.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BIN } from './kit.js'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Notes the address of each module that is loaded. */
const HOOKS = `
import { appendFileSync } from 'node:fs'
export async function load(url, context, next) {
  appendFileSync(process.env.LOADED, url + '\\n')
  return next(url, context)
}`
const data = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`
const REGISTER = `import { register } from 'node:module'; register(${JSON.stringify(data(HOOKS))})`

function loadedBy(...args: string[]): { own: string[]; others: string[] } {
  const LOADED = join(folder, args.join('-').replaceAll(/\W/g, '_'))
  spawnSync(process.execPath, ['--import', data(REGISTER), BIN, ...args], {
    env: { ...process.env, LOADED, REDIS_URL: 'redis://127.0.0.1:1' },
  })
  const urls = readFileSync(LOADED, 'utf8').trim().split('\n')
  const own = urls.filter((url) => url.includes('/cli/dist/')).map((url) => url.split('/').at(-1)!)
  const packages = urls.flatMap((url) => /\/node_modules\/([^/]+)\//.exec(url)?.[1] ?? [])
  return { own, others: [...new Set(packages)].toSorted() }
}

/** Of each command one file. */
const commands = readdirSync(join(dirname(BIN), '../src/commands')).map((file) =>
  file.replace(/ts$/, 'js'),
)

/** The library, which the build puts into files of its own. */
const library = readdirSync(dirname(BIN)).filter(
  (file) =>
    file.endsWith('.js') &&
    readFileSync(join(dirname(BIN), file), 'utf8').includes('class Holdfast '),
)

test('the version and the help need no command, no client and no library', () => {
  for (const args of [['--version'], ['--help']]) {
    const { own, others } = loadedBy(...args)
    expect(others).toEqual(['commander'])
    expect(own.filter((file) => [...commands, ...library].includes(file))).toEqual([])
  }
})

test('the help of a command needs that command', () => {
  const { own, others } = loadedBy('run', '--help')
  expect(others).toEqual(['commander'])
  expect(own.filter((file) => commands.includes(file))).toEqual(['run.js'])
})

test('run needs one command, the client and the library', () => {
  const { own, others } = loadedBy('run', '-n', 'a', 'true')
  expect(own.filter((file) => commands.includes(file))).toEqual(['run.js'])
  expect(others.filter((name) => !/^(commander|ioredis)$/.test(name))).toEqual([])
  expect(others).toContain('ioredis')
  expect(own).toEqual(expect.arrayContaining(library))
  expect(library).toHaveLength(1)
})
