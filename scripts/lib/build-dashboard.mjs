import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { dashboard } from './paths.mjs'
import { must, tool } from './run.mjs'

/**
 * Builds packages/dashboard/dist: the server, which is a module for whoever mounts it, its types, and the page that it
 * gives out, in `ui`. Holdfast stays outside: it is the user's.
 */
export async function buildDashboard() {
  const dir = join(dashboard, 'dist')
  rmSync(dir, { recursive: true, force: true })
  const bundle = await rolldown({
    input: { index: join(dashboard, 'src/index.ts') },
    platform: 'node',
    external: [/^node:/, 'holdfast'],
    transform: { target: 'node20.19' },
  })
  await bundle.write({ dir, format: 'esm', sourcemap: true })
  await bundle.close()
  must(process.execPath, [
    tool('typescript/bin/tsc'),
    '-p',
    join(dashboard, 'tsconfig.build.json'),
    '--outDir',
    dir,
  ])
  const ui = join(import.meta.dirname, 'build-ui.mjs')
  if (!existsSync(ui)) return
  const { buildUi } = await import('./build-ui.mjs')
  await buildUi(join(dir, 'ui'))
}
