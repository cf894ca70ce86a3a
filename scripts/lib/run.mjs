import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './paths.mjs'

/** Ends the script with one line. For trouble the reader can act on; a stack would only hide it. */
export function fail(message) {
  console.error(message)
  process.exit(1)
}

/** Runs a command with this terminal's streams and returns its exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) fail(`could not run ${command}: ${error.message}`)
  return status ?? 1
}

/** Like run, but any exit code other than 0 ends the script. */
export function must(command, args, options) {
  const code = run(command, args, options)
  if (code !== 0) process.exit(code)
}

/** npm is a .cmd file on Windows, which only a shell can start. */
export const npm = (args, options) =>
  must('npm', args, { shell: process.platform === 'win32', ...options })

/** A development tool of the repository, by the path of its JavaScript file in node_modules. */
export const tool = (file) => join(root, 'node_modules', file)
