// Where the browser's LockManager is wanted, ours can be given.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const code = `
import type { Holdfast, LockManager as Ours } from '../../src/index.js'
declare const locks: Holdfast
const manager: Ours = locks.lockManager()
const browsers: globalThis.LockManager = manager
export const one: Promise<number> = browsers.request('x', { mode: 'shared' }, async (lock) => (lock ? 1 : 0))
export const two: Promise<number> = manager.request('x', ({ fence }) => fence)
export const three: Promise<boolean> = manager.request('x', { ifAvailable: true }, (lock) => lock === null)
`

test('it is the type of the browser, and the callback is given null only where that can be', () => {
  const temp = fileURLToPath(new URL('../../temp', import.meta.url))
  mkdirSync(temp, { recursive: true })
  const folder = mkdtempSync(join(temp, 'types-'))
  const compile = (text: string): string => {
    writeFileSync(join(folder, 'a.ts'), text)
    const options = { noEmit: true, lib: ['es2023', 'esnext.disposable', 'dom'] }
    const config = { extends: '../../../../tsconfig.base.json', compilerOptions: options }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, include: ['*.ts'] }))
    const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
    const tsc = join(dirname(typescript), 'bin/tsc')
    return spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' }).stdout
  }
  try {
    expect(compile(code)).toBe('')
    expect(compile(code.replace('(lock) => lock === null', '({ fence }) => fence > 0'))).toContain(
      'a.ts(8',
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)
