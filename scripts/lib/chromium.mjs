import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * A browser of this machine: `HOLDFAST_CHROMIUM`, or one that the shell would find. Null: there is none.
 *
 * @returns {string | null}
 */
export function findChromium() {
  const said = process.env.HOLDFAST_CHROMIUM
  if (said) return said
  const folders = (process.env.PATH ?? '').split(delimiter)
  const files = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return files.find((file) => existsSync(file)) ?? null
}
