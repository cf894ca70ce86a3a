import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache } from './paths.mjs'

/** Runtimes as npm packages, each with a program of its name. */
export const BUN = 'bun@1.4.5'
export const DENO = 'deno@2.9.6'

export const runtimesHome = join(cache, 'runtimes')
export const windows = process.platform === 'win32'

/** Installs packages into a folder that has no lock file, beside what is there. */
export function npmInstall(folder, packages) {
  mkdirSync(folder, { recursive: true })
  // Without a package.json of its own npm would go up the tree.
  const own = join(folder, 'package.json')
  if (!existsSync(own)) writeFileSync(own, '{ "private": true, "type": "module" }\n')
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, ...packages]
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    shell: windows,
  })
  if (status !== 0) throw new Error(`npm install ${packages.join(' ')}:\n${stderr}${stdout}`)
}

/**
 * The program of a package, installed unless it is there in this very version.
 *
 * @param {string} install such as `bun@1.4.5`
 */
export function programOf(install) {
  const [name] = install.split('@')
  const folder = join(runtimesHome, install)
  const program = join(folder, 'node_modules', '.bin', windows ? `${name}.cmd` : name)
  const works = () => spawnSync(program, ['--version'], { shell: windows }).status === 0
  if (!works()) npmInstall(folder, [install])
  if (!works()) throw new Error(`${install} was installed, but ${name} --version fails`)
  return program
}

/** What Deno is not to do by itself, and where it keeps what it makes. */
export const denoEnv = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(runtimesHome, 'deno-cache') }
