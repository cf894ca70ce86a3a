import { HoldfastError } from '../base/errors.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import type { Port, PortNode } from '../clients/port.js'

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
