// Where results are kept.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** `page` is a file, `assets` the folder of its plots and of the results themselves. */
export const folders = {
  docs: { page: join(root, 'docs/benchmarks.md'), assets: join(root, 'docs/benchmarks') },
  scratch: {
    page: join(root, '.cache/bench/benchmarks.md'),
    assets: join(root, '.cache/bench/benchmarks'),
  },
}

/** Digits that no clock of ours can tell apart are not kept. */
const shortened = (_, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value

export function store({ assets }, results) {
  mkdirSync(assets, { recursive: true })
  writeFileSync(join(assets, 'results.json'), `${JSON.stringify(results, shortened, 1)}\n`)
}

export function load({ assets }) {
  return JSON.parse(readFileSync(join(assets, 'results.json'), 'utf8'))
}
