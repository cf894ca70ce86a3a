import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir, realpath } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { checkFind } from './options.js'

/** The two servers that Holdfast is tested on. */
export type ServerEngine = 'redis' | 'valkey'

/** Where a server can be had: one that runs already, or a program to start. */
export type FoundServer =
  | {
      readonly kind: 'url'
      /** The value of `REDIS_URL`, as it is. Nothing was sent to it. */
      readonly url: string
    }
  | {
      readonly kind: 'binary'
      readonly engine: ServerEngine
      /** Absolute path of the program. */
      readonly path: string
      /** What the program says of itself, such as `7.0.15`. */
      readonly version: string
    }

/** Options of {@link findServer}. */
export interface FindServerOptions {
  /**
   * Only a program of this engine will do. `REDIS_URL` is then left out, because a URL does not
   * tell what is behind it. Default: either engine, Valkey first.
   */
  readonly engine?: ServerEngine | undefined
}

const exec = promisify(execFile)

/** Looked at after PATH, which is short where an editor or a service started the process. */
const usualPlaces = [
  '/usr/bin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
  '/opt/local/bin',
  '/snap/bin',
]

/** `/usr/lib/redis`, `/usr/lib/valkey` and the like, where some distributions keep servers. */
async function libraryPlaces(): Promise<string[]> {
  const names = await readdir('/usr/lib').catch(() => [])
  return names
    .filter((name) => /^(redis|valkey)/.test(name))
    .flatMap((name) => [join('/usr/lib', name), join('/usr/lib', name, 'bin')])
}

async function probe(
  path: string,
): Promise<{ engine: ServerEngine; path: string; version: string } | null> {
  try {
    await access(path, constants.X_OK)
    const { stdout } = await exec(path, ['--version'], { timeout: 5000 })
    // "Redis server v=7.0.15 sha=..." or "Valkey server v=8.0.1 sha=...". The text decides, not
    // the file name: packages install redis-server as a link to valkey-server.
    const said = /^(Redis|Valkey) server v=(\S+)/m.exec(stdout)
    if (said === null) return null
    return { engine: said[1] === 'Valkey' ? 'valkey' : 'redis', path, version: String(said[2]) }
  } catch {
    return null
  }
}

/** The search of {@link findServer} without `REDIS_URL`. */
export async function findBinary(
  engine?: ServerEngine,
): Promise<(FoundServer & { kind: 'binary' }) | null> {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const folders = [...path, ...usualPlaces, ...(await libraryPlaces())]
  const tried = new Set<string>()
  for (const name of ['valkey-server', 'redis-server']) {
    for (const folder of folders) {
      const file = resolve(folder, name)
      // One program is often reached by several ways (/bin is a link to /usr/bin).
      const real = await realpath(file).catch(() => null)
      if (real === null || tried.has(`${name} ${real}`)) continue
      tried.add(`${name} ${real}`)
      const found = await probe(file)
      if (found === null) continue
      if (engine === undefined || engine === found.engine) return { kind: 'binary', ...found }
    }
  }
  return null
}

/**
 * Looks for a server to test against, without starting or contacting one.
 *
 * The order is: the environment variable `REDIS_URL` (unless an engine is asked for), then
 * `valkey-server`, then `redis-server`, each in `PATH` and after that in the places where package
 * managers put them. A program counts only if it runs and names its version.
 *
 * @returns the first one found, or `null`.
 * @throws ERR_INVALID_ARGUMENT for options, and nothing else.
 */
export async function findServer(options: FindServerOptions = {}): Promise<FoundServer | null> {
  checkFind(options)
  const url = process.env['REDIS_URL']
  if (options.engine === undefined && url !== undefined && url !== '') return { kind: 'url', url }
  return findBinary(options.engine)
}
