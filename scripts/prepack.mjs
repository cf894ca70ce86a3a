// Runs when the package is packed or published: npm takes these two files from its own folder.
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pkg, root } from './lib/paths.mjs'
import { buildIfStale } from './lib/setup.mjs'

buildIfStale()
for (const file of ['README.md', 'LICENSE']) {
  if (existsSync(join(root, file))) copyFileSync(join(root, file), join(pkg, file))
}
