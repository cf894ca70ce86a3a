import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { usage } from '../exit.js'
import { jsonOf } from '../text.js'
import type { Standings } from './standing.js'

export interface Address {
  readonly host: string
  readonly port: number
}

const LOOPBACK = '127.0.0.1'

/** A parser for `:4040` and `4040`, which are of this machine only, `0.0.0.0:4040`, `[::1]:4040`. */
export function address(value: string): Address {
  const [, host, port = ''] = /^(?:(\[[\da-f:.]+\]|[^:[\]]*):)?(\d+)$/i.exec(value) ?? []
  if (port === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('It is no address, such as :4040 or 0.0.0.0:4040.')
  }
  return { host: host?.replace(/^\[|\]$/g, '') || LOOPBACK, port: Number(port) }
}

/**
 * @param healthy whether the server can be asked for locks now.
 * @returns its URL. @throws Exit (usage) where it cannot listen
 */
export async function serve(
  { host, port }: Address,
  healthy: () => Promise<boolean>,
  standings: Standings,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(
    (request, response) => void answer(request, response, healthy, standings),
  )
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    const { message } = error as Error
    throw usage(`cannot listen on ${host}:${port}: ${message}`)
  }
  const at = server.address() as AddressInfo
  const shown = at.family === 'IPv6' ? `[${at.address}]` : at.address
  return {
    url: `http://${shown}:${at.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
  healthy: () => Promise<boolean>,
  standings: Standings,
): Promise<void> {
  const say = (code: number, what: object): void => {
    response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(method === 'HEAD' ? undefined : `${jsonOf(what)}\n`)
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return say(405, { error: 'GET or HEAD' })
  }
  const path = url.replace(/\?.*$/s, '')
  if (path === '/healthz') {
    const ok = await healthy()
    return say(ok ? 200 : 503, { ok })
  }
  const { now, known } = standings
  if (path === '/') return say(200, now)
  // Ready to say who leads, or that nobody does.
  if (path === '/readyz') return say(known ? 200 : 503, now)
  if (path === '/leader') return say(now.isLeader ? 200 : 503, now)
  say(404, { error: 'there is /, /leader, /readyz and /healthz' })
}
