import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinary, type ServerEngine } from './find-server.js'
import { guard } from './guard.js'
import { checkStart, checkUrl } from './options.js'
import { freePort, introduce } from './wire.js'

/** Options of {@link startServer}. */
export interface StartServerOptions {
  /** Which program to start. Default: the first one {@link findServer} would find. */
  readonly engine?: ServerEngine | undefined
  /** TCP port on 127.0.0.1. Default: a free one. A port that is asked for must be free. */
  readonly port?: number | undefined
  /** More arguments for the program, such as `['--maxmemory', '64mb']`. They win over ours. */
  readonly args?: readonly string[] | undefined
  /** Use this running server (`redis://` or `rediss://`) instead of starting one. */
  readonly url?: string | undefined
}

/**
 * A server for tests. The methods that act on its process throw `ERR_NOT_OURS` for a server that
 * was only connected to by URL.
 */
export interface RunningServer {
  /** `127.0.0.1`, or the host of the URL. */
  readonly host: string
  readonly port: number
  /** `redis://host:port`, for any client. */
  readonly url: string
  readonly engine: ServerEngine
  /** Such as `7.0.15`. */
  readonly version: string
  /** The process at this moment (`restart` changes it), or null for a server known by URL. */
  readonly pid: number | null
  /** Ends the server and removes its folder. Safe to call twice; does nothing to a URL's server. */
  stop(): Promise<void>
  /** SIGKILL, as in a crash. Resolves when the process is gone; `restart` brings it back. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open and nothing is answered, as in a long pause. */
  freeze(): void
  /** SIGCONT: ends a freeze. The commands that came in meanwhile are then carried out. */
  thaw(): void
  /** Ends the process if it runs and starts an empty one on the same port. */
  restart(): Promise<void>
  /** The same as `stop`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

const startWithinMs = 10_000
const howTo =
  'no Redis or Valkey server found: `apt install redis-server`, `brew install valkey`, or set REDIS_URL'

const failure = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code })

/** Told apart because another process may take a port between the choice and the bind. */
class PortTaken extends Error {
  readonly code = 'ERR_SERVER_START'
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function end(child: ChildProcess): Promise<void> {
  if (!ended(child)) {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.ref()
    // Nothing is worth saving, and a frozen server would not hear SIGTERM.
    child.kill('SIGKILL')
    await gone
  }
}

/** Starts the program once and waits until this very process answers. */
async function launch(
  path: string,
  port: number,
  folder: string,
  args: readonly string[],
): Promise<ChildProcess> {
  const log = join(folder, 'server.log')
  const output = await open(log, 'w')
  const ours = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const rest = ['--appendonly', 'no', '--daemonize', 'no', ...args]
  const child = spawn(path, [...ours, ...rest], { stdio: ['ignore', output.fd, output.fd] })
  const refused = new Promise<Error | null>((resolve) => {
    child.once('error', resolve)
    child.once('exit', () => resolve(null))
  })
  await output.close()
  if (child.pid !== undefined) guard(child, folder)

  const url = new URL(`redis://127.0.0.1:${port}`)
  const until = performance.now() + startWithinMs
  while (performance.now() < until && !ended(child) && child.pid !== undefined) {
    const answer = await introduce(url)
    if (answer !== null && !ended(child)) {
      const own = answer.text.includes(`process_id:${child.pid}\r\n`)
      // With `--requirepass` in the arguments there is no telling whose answer it is.
      if (own ? answer.ready : answer.text.startsWith('-NOAUTH')) {
        child.unref()
        return child
      }
    }
    await sleep(10)
  }
  const error = child.pid === undefined ? await refused : null
  if (child.pid !== undefined) await end(child)
  const text = await readFile(log, 'utf8')
  if (/Address already in use|Failed listening/i.test(text))
    throw new PortTaken(`port ${port} is taken`)
  const reason = error?.message ?? text.trim().split('\n').slice(-3).join(' | ')
  throw failure('ERR_SERVER_START', `${path} did not start on port ${port}: ${reason}`)
}

/** Describes a server that somebody else runs. */
async function connectTo(given: string): Promise<RunningServer> {
  const url = new URL(given)
  const answer = await introduce(url, 5000)
  if (answer === null || !answer.ready) {
    const reason = answer === null ? 'no answer within 5 s' : answer.text.trim()
    throw failure('ERR_SERVER_START', `${url.protocol}//${url.host} is of no use: ${reason}`)
  }
  const valkey = /^valkey_version:(\S+)/m.exec(answer.text)?.[1]
  const redis = /^redis_version:(\S+)/m.exec(answer.text)?.[1]
  const notOurs = (): never => {
    throw failure('ERR_NOT_OURS', 'this server was given by URL; only its owner may stop it')
  }
  const nothing = (): Promise<void> => Promise.resolve()
  return {
    host: url.hostname,
    port: Number(url.port || 6379),
    url: given,
    engine: valkey === undefined ? 'redis' : 'valkey',
    version: valkey ?? redis ?? 'unknown',
    pid: null,
    stop: nothing,
    kill: async () => notOurs(),
    freeze: notOurs,
    thaw: notOurs,
    restart: async () => notOurs(),
    [Symbol.asyncDispose]: nothing,
  }
}

/**
 * Starts a throw-away server on 127.0.0.1 that keeps nothing on disk, and waits until it answers.
 *
 * The server does not keep this process alive and is killed when it ends, in whatever way. Where
 * no program is found and neither an engine, a port nor arguments are asked for, the server of
 * `REDIS_URL` is used, if that is set.
 *
 * @throws Error with `code`
 * - `ERR_NO_SERVER`: there is no program to start; the message says how to get one.
 * - `ERR_INVALID_ARGUMENT`: an option, or `REDIS_URL`, that cannot be right.
 * - `ERR_SERVER_START`: the program did not answer within 10 seconds, ended, or the port asked for
 *   is taken; or the server of the URL did not answer within 5 seconds.
 */
export async function startServer(options: StartServerOptions = {}): Promise<RunningServer> {
  checkStart(options)
  if (options.url !== undefined) return connectTo(options.url)
  const found = await findBinary(options.engine)
  if (found === null) {
    const url = process.env['REDIS_URL']
    const any = (options.engine ?? options.port ?? options.args) === undefined
    if (any && url !== undefined && url !== '') {
      checkUrl('REDIS_URL', url)
      return connectTo(url)
    }
    const asked = options.engine === undefined ? '' : ` (asked for ${options.engine})`
    throw failure('ERR_NO_SERVER', howTo + asked)
  }

  const { path, engine, version } = found
  const args = options.args ?? []
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-server-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })

  const begin = async (): Promise<[ChildProcess, number]> => {
    for (let attempt = 1; ; attempt++) {
      const port = options.port ?? (await freePort())
      try {
        return [await launch(path, port, folder, args), port]
      } catch (error) {
        if (error instanceof PortTaken && options.port === undefined && attempt < 5) continue
        throw error
      }
    }
  }
  let [child, port] = await begin().catch(async (error: unknown) => {
    await remove()
    throw error
  })

  const stop = async (): Promise<void> => {
    await end(child)
    await remove()
  }
  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    engine,
    version,
    get pid() {
      return child.pid ?? null
    },
    stop,
    kill: () => end(child),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    restart: async () => {
      await end(child)
      child = await launch(path, port, folder, args)
    },
    [Symbol.asyncDispose]: stop,
  }
}
