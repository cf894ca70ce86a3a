import { invalid } from '../base/errors.js'
import { known } from '../locks/options.js'
import type { ConformanceTarget } from './conformance/bench.js'
import type { FindServerOptions } from './find-server.js'
import type { StartServerOptions } from './servers.js'

const ENGINES: readonly unknown[] = ['redis', 'valkey']

/** @throws ERR_INVALID_ARGUMENT */
export function checkFind(options: FindServerOptions): void {
  known('options', options, ['engine'])
  checkEngine(options.engine)
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkStart(options: StartServerOptions): void {
  known('options', options, ['engine', 'port', 'args', 'url'])
  const { engine, port = 1, args = [], url } = options
  checkEngine(engine)
  if (!(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    const expected = 'a port: 1 to 65535; leave it out for any that is free'
    throw invalid('options.port', port, expected)
  }
  if (!(Array.isArray(args) && args.every((one) => typeof one === 'string'))) {
    throw invalid('options.args', args, "an array of strings, such as ['--maxmemory', '64mb']")
  }
  if (url !== undefined) checkUrl('options.url', url)
}

function checkEngine(engine: unknown): void {
  if (engine === undefined || ENGINES.includes(engine)) return
  throw invalid('options.engine', engine, "'redis' or 'valkey'")
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkUrl(what: string, url: unknown): void {
  if (typeof url === 'string' && /^rediss?:\/\//.test(url) && URL.canParse(url)) return
  throw invalid(what, url, 'a URL of redis:// or rediss://')
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkTarget(target: ConformanceTarget): void {
  if (typeof target?.open !== 'function') {
    throw invalid('target', target, 'an object with a function `open`, which opens a connection')
  }
  const { flushScripts } = target
  if (flushScripts !== undefined && typeof flushScripts !== 'function') {
    throw invalid('target.flushScripts', flushScripts, 'a function, or nothing')
  }
}
