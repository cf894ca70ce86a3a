import { HoldfastError } from '../base/errors.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import type { Port, PortNode } from '../clients/port.js'

/** How far a SCAN has come on each server that has more. */
export type Cursors = ReadonlyMap<PortNode, string>

export interface ScanStep {
  readonly keys: readonly string[]
  /** Empty: that was all. */
  readonly cursors: Cursors
}

/**
 * Where a SCAN begins: on each server that has names of its own; of an index, where the client sends it.
 *
 * @throws as `serversOf`
 */
export async function begin(
  port: Port,
  runtime: Runtime,
  timeout: number,
  index: boolean,
): Promise<Cursors> {
  const servers = index ? [port] : await serversOf(port, runtime, timeout)
  return new Map(servers.map((one) => [one, '0']))
}

/** One step on each server. @param ask the next cursor, and what was found. */
export async function stepOf(
  from: Cursors,
  ask: (server: PortNode, cursor: string) => Promise<readonly string[]>,
): Promise<ScanStep> {
  const left = new Map<PortNode, string>()
  const found = await Promise.all(
    [...from].map(async ([server, cursor]) => {
      const [next = '0', ...keys] = await ask(server, cursor)
      if (next === 'error') throw new Error(keys[0])
      if (next !== '0') left.set(server, next)
      return keys
    }),
  )
  return { keys: found.flat(), cursors: left }
}

const NONE = Promise.resolve<readonly PortNode[]>([])

/**
 * The servers that have names of their own: each primary of a cluster.
 *
 * @throws ERR_UNAVAILABLE, ERR_CONFIG where the client does not say which there are
 */
export async function serversOf(
  port: Port,
  runtime: Runtime,
  timeout: number,
): Promise<readonly PortNode[]> {
  const { cluster, kind } = port
  if (!cluster) return [port]
  const servers = await inTime(runtime, port.nodes?.() ?? NONE, timeout, () => {
    throw new HoldfastError('ERR_UNAVAILABLE', `the servers were not found in ${timeout} ms`)
  })
  if (servers.length > 0) return servers
  throw new HoldfastError(
    'ERR_CONFIG',
    `list needs every primary of the cluster, and ${kind} does not give them`,
  )
}
