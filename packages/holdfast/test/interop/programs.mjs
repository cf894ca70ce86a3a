// Where the peers of other languages are, and how they are started. Used by the tests and by
// `npm run test:interop`, which builds what has to be built.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache } from '../../../../scripts/lib/paths.mjs'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const howTo = '`npm run test:interop` gets it'

/** Everything that a build is made of. */
function digest(folder) {
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true }).map(String).toSorted()
  for (const file of files) {
    const path = join(folder, file)
    if (statSync(path).isFile()) hash.update(file).update('\0').update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}

/** The folder of the sources, and the folder of what is built from just these sources. */
function built(language, name) {
  const source = at(language)
  return { source, out: join(cache, 'interop', `${name}-${digest(source)}`) }
}

export const redsync = () => built('go', 'redsync')
export const redisson = () => built('java', 'redisson')
/** Written last, when a build is whole. */
export const mark = (out) => join(out, 'done')

function python(imports, file, what) {
  for (const path of ['/usr/bin/python3', 'python3']) {
    const { status } = spawnSync(path, ['-c', imports], { stdio: 'ignore' })
    if (status === 0) return [path, at(`python/${file}`)]
  }
  return `there is no python3 with ${what}; ${howTo}`
}

/** Not a peer: reads metrics, as Prometheus does. */
export const metricsReader = () =>
  python('import prometheus_client.parser', 'metrics.py', 'prometheus_client')

function program({ out }, language, command) {
  return existsSync(mark(out)) ? command : `its ${language} program is not built; ${howTo}`
}

const node = (library) => [process.execPath, at('node-peer.mjs'), library]

/** The command that starts a library's peer, or in words why there is none. */
export const commands = {
  redlock4: () => node('redlock4'),
  redlock5: () => node('redlock5'),
  'redis-semaphore': () => node('redis-semaphore'),
  'simple-redis-mutex': () => node('simple-redis-mutex'),
  'redis-py': () => python('from redis.lock import Lock', 'peer.py', 'redis-py'),
  redsync() {
    const place = redsync()
    return program(place, 'Go', [join(place.out, 'redsync')])
  },
  redisson() {
    const place = redisson()
    const path = [join(place.out, 'classes'), join(place.out, 'lib', '*')].join(delimiter)
    return program(place, 'Java', ['java', '-cp', path, 'Peer'])
  },
}
