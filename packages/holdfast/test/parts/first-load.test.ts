/** What an import loads, of the package as it is built: all of it counts when a process starts. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { closure } from '../../../../scripts/lib/closure.mjs'

const dist = join(import.meta.dirname, '../../dist')

/** The source files that are in a built one. */
function sourcesOf(file: string): string[] {
  // One that has only exports has none.
  if (!existsSync(`${file}.map`)) return []
  const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] }
  return sources.map((source) => source.replace(/^(\.\.\/)+/, '').replace(/js$/, 'ts'))
}

function requiredBy(entry: string): string[] {
  const code = `require(${JSON.stringify(entry)}); console.log(JSON.stringify(Object.keys(require.cache)))`
  return JSON.parse(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' })) as string[]
}

/** Parts: see locks/parts.ts. A file of theirs in the first load means that somebody imports it at once. */
const LATER =
  /^(kernel\/(memory\/|scripts\.gen)|lease\/(lease|renewer)|line\/(queue|waiter|cohort|several)|quorum\/(node|quorum|rounds)\.|clients\/(recognise|common|ioredis|node-redis|glide)|locks\/(works|more|lock|inspect|list|history|recorder|deadlock|observe|turn|doctor\/doctor)\.)/

for (const [how, files] of [
  ['import', [...closure(join(dist, 'index.js'))]],
  ['require', requiredBy(join(dist, 'cjs/index.js'))],
] as const) {
  test(`${how}: a few files, without the parts that wait for their first use`, () => {
    const loaded = files.flatMap(sourcesOf)
    expect(loaded).toContain('locks/holdfast.ts')
    expect(loaded.filter((source) => LATER.test(source))).toEqual([])
    expect(files.length).toBeLessThanOrEqual(4)
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
    // 87 and 95 KB when this was written.
    expect(bytes).toBeLessThan(100_000)
  })
}

test('the other entries load no more than they need of it', () => {
  const of = (entry: string): string[] => [...closure(join(dist, entry))].flatMap(sourcesOf)
  for (const entry of ['telemetry/otel.js', 'telemetry/prometheus.js', 'fencing/index.js']) {
    expect(of(entry)).not.toContain('locks/engine.ts')
  }
})

test('what is to come later is there, in files of the package', () => {
  const all = [...closure(join(dist, 'shared/works.js'))].flatMap(sourcesOf)
  expect(all).toEqual(expect.arrayContaining(['locks/works.ts', 'kernel/scripts.gen.ts']))
})
