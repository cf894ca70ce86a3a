import { HoldfastError } from '../base/errors.js'
import { inTime } from '../base/in-time.js'
import type { Runtime } from '../base/runtime.js'
import { ofOneServer } from '../clients/common.js'
import type { Port, PortNode } from '../clients/port.js'
import { unanswered } from './ops.js'
import { isConfig } from './replies.js'

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
 * @param run that answered last.
 * @throws as `serversOf`; ERR_CONFIG for the client of one server of a Cluster
 */
export async function begin(
  port: Port,
  runtime: Runtime,
  timeout: number,
  index: string | undefined,
  run: string | null,
): Promise<Cursors> {
  if (index === undefined && !port.cluster) await assertAlone(port, runtime, timeout, run ?? '')
  const servers = index === undefined ? await serversOf(port, runtime, timeout) : [port]
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

/** In which run a server was last found to be none of a Cluster, or not to say it. */
const alone = new WeakMap<Port, string>()

/** One of a Cluster has its own names only, and nobody would see that others are missing. */
async function assertAlone(
  port: Port,
  runtime: Runtime,
  timeout: number,
  run: string,
): Promise<void> {
  if (!port.command || alone.get(port) === run) return
  const asked = port.command(['INFO', 'cluster']).then(String, (error: unknown) => {
    if (isConfig(String(error))) return ''
    throw error
  })
  const info = await inTime(runtime, asked, timeout, () => {
    throw unanswered(timeout)
  })
  if (/^cluster_enabled:1/m.test(info)) throw ofOneServer('would list its own names only')
  alone.set(port, run)
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
