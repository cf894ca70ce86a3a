// Runs when a package is packed or published, in its folder: npm takes these two files from there.
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { buildIfStale } from './lib/setup.mjs'

buildIfStale()
for (const file of ['README.md', 'LICENSE']) {
  if (existsSync(join(root, file))) copyFileSync(join(root, file), file)
}
