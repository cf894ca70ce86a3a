import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

/** The repository's root, without a trailing slash. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')
export const pkg = join(root, 'packages/holdfast')
export const cli = join(root, 'packages/cli')
export const dashboard = join(root, 'packages/dashboard')
export const src = join(pkg, 'src')
/** Scratch files that git does not see. */
export const cache = join(root, '.cache')
