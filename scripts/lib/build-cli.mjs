import { chmodSync, cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { cli, dashboard } from './paths.mjs'

/**
 * Builds packages/cli/dist. Holdfast goes in, so that the packed file runs by itself; what the package
 * depends on stays outside. A module that is loaded when it is needed stays a file of its own.
 */
export async function buildCli() {
  const { dependencies } = JSON.parse(readFileSync(join(cli, 'package.json'), 'utf8'))
  const bundle = await rolldown({
    // The second one is for scripts that read the program.
    input: { main: join(cli, 'src/main.ts'), program: join(cli, 'src/program.ts') },
    platform: 'node',
    external: [/^node:/, ...Object.keys(dependencies)],
    // The oldest Node that is supported.
    transform: { target: 'node20.19' },
  })
  const dir = join(cli, 'dist')
  rmSync(dir, { recursive: true, force: true })
  await bundle.write({ dir, format: 'esm', chunkFileNames: '[name].js' })
  await bundle.close()
  // The page that `ui` gives out, where its server looks for it: beside dist.
  cpSync(join(dashboard, 'dist/ui'), join(dir, 'ui'), { recursive: true })
  chmodSync(join(dir, 'main.js'), 0o755)
}
