import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { failure, Refused } from './answers.js'
import type { Dashboard } from './dashboard.js'
import { has, invalid, known } from './options.js'

/** A request of `node:http`, with what Express and its like add. */
type NodeRequest = IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown }
/** A listener of `node:http`, and a middleware of Express, Connect and Nest. */
export type NodeListener = (request: NodeRequest, response: ServerResponse) => void

/**
 * The dashboard as a listener of `node:http`, and so a middleware of Express, Nest and whatever takes one.
 *
 * @param dashboard also anything else with such a `fetch`.
 * @throws ERR_INVALID_ARGUMENT
 */
export function toNodeListener(dashboard: Pick<Dashboard, 'fetch'>): NodeListener {
  checkDashboard(dashboard, ['fetch'])
  return (incoming, response) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    // Of a body of which a part was read Node waits for the rest, and the next request behind it.
    response.on('finish', () => incoming.removeAllListeners('data').resume())
    const request = requestOf(incoming, gone.signal)
    const answered =
      request instanceof Response ? Promise.resolve(request) : dashboard.fetch(request)
    answered.then(
      (answer) => send(answer, response),
      () => response.destroy(),
    )
  }
}

/** @throws ERR_INVALID_ARGUMENT */
function checkDashboard(dashboard: unknown, methods: readonly (keyof Dashboard)[]): void {
  if (has(dashboard, methods)) return
  throw invalid('dashboard', dashboard, 'a dashboard, such as createDashboard(locks) makes')
}

function requestOf(incoming: NodeRequest, signal: AbortSignal): Request | Response {
  const { method = 'GET', headers } = incoming
  const path = incoming.originalUrl ?? incoming.url ?? '/'
  const host = headers.host ?? headers[':authority'] ?? 'localhost'
  const url = `http://${String(host)}${path.startsWith('/') ? path : '/'}`
  if (!URL.canParse(url))
    return failure(new Refused(400, 'ERR_INVALID_ARGUMENT', 'no such address'))
  const all = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    // HTTP/2 has method, path and host among them.
    if (name.startsWith(':')) continue
    for (const one of [value ?? []].flat()) all.append(name, one)
  }
  const init: RequestInit & { duplex?: 'half' } = { method, headers: all, signal }
  try {
    if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
      init.duplex = 'half'
      // A parser before us has read it.
      init.body = incoming.readableEnded
        ? JSON.stringify(incoming.body ?? null)
        : (Readable.toWeb(incoming) as NonNullable<RequestInit['body']>)
    }
    return new Request(url, init)
  } catch {
    // TRACE and CONNECT.
    return failure(new Refused(405, 'ERR_METHOD', 'only GET, HEAD and POST'))
  }
}

async function send(answered: Response, response: ServerResponse): Promise<void> {
  const { status, headers, body } = answered
  // Who asked has left meanwhile, or somebody else has answered, such as that it takes too long.
  if (response.destroyed || response.headersSent) return body?.cancel().catch(() => undefined)
  const reader = body?.getReader()
  response.on('close', () => void reader?.cancel().catch(() => undefined))
  try {
    const cookies = headers.getSetCookie()
    response.writeHead(status, {
      ...Object.fromEntries(headers),
      ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}),
    })
    while (reader) {
      const { done, value } = await reader.read()
      if (done) break
      if (!response.write(value)) await drained(response)
      if (response.destroyed) return
    }
    response.end()
  } catch {
    response.destroy()
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end)
      response.off('close', end)
      resolve()
    }
    response.on('drain', end)
    response.on('close', end)
  })
}

/** Options of `serve`. */
export interface ServeOptions {
  /** Default 4041; 0: any that is free. */
  readonly port?: number | undefined
  /** Default 127.0.0.1. Another one than this machine's own needs `authorize`. */
  readonly host?: string | undefined
}

/** A server that listens. */
export interface Served extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Ends it, with all that is open, and the dashboard. */
  close(): Promise<void>
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/**
 * A server with nothing but the dashboard on it.
 *
 * @throws ERR_INVALID_ARGUMENT, also for another host than this machine's own without `authorize`; as `listen` of node:net.
 */
export async function serve(dashboard: Dashboard, options: ServeOptions = {}): Promise<Served> {
  checkDashboard(dashboard, ['fetch', 'close'])
  known(options, ['port', 'host'])
  const { port = 4041, host = '127.0.0.1' } = options
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw invalid('options.port', port, 'a port: 0 to 65535')
  }
  if (typeof host !== 'string' || (!LOOPBACK.test(host) && !dashboard.guarded)) {
    throw invalid(
      'options.host',
      host,
      '127.0.0.1, ::1 or localhost: whoever reaches another host could look, so give createDashboard an `authorize` first',
    )
  }
  const listener = toNodeListener({
    fetch: async (request) => {
      // A name of another site may lead to this machine, and its pages are then of one origin with us.
      if (dashboard.guarded || LOOPBACK.test(new URL(request.url).hostname)) {
        return dashboard.fetch(request)
      }
      return failure(new Refused(403, 'ERR_FORBIDDEN', 'this page is for 127.0.0.1 and localhost'))
    },
  })
  const server = createServer(listener)
  // Else it would answer 400 by itself, without our headers.
  server.on('clientError', (_, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), resolve)
  })
  const { address, family, port: bound } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    dashboard.close()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  const at = family === 'IPv6' ? `[${address}]` : address
  return { url: `http://${at}:${bound}/`, port: bound, close, [Symbol.asyncDispose]: close }
}
