import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cache, pkg } from './paths.mjs'
import { fail } from './run.mjs'

/**
 * Packs a package as it would be published and returns the path of the tarball.
 *
 * @param {string} [folder] of the package
 */
export function pack(folder = pkg) {
  mkdirSync(cache, { recursive: true })
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--pack-destination', cache], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail(`npm pack failed:\n${stderr}${stdout}`)
  return join(cache, stdout.trim().split('\n').at(-1))
}
