// What the locks are on, by the option `--servers`.
import { ClusterServers } from './cluster.mjs'
import { SentinelGroup } from './sentinel.mjs'
import { Servers } from './servers.mjs'

/** Whose column of the table of what may break. */
export function kindOf(servers) {
  if (servers === '1') return 'one'
  return Number(servers) > 1 ? 'quorum' : servers
}

/** @returns {Promise<import('./servers.mjs').AnyServers>} */
export function startServers(servers, options) {
  if (servers === 'sentinel') return SentinelGroup.start(options)
  if (servers === 'cluster') return ClusterServers.start(options)
  return Servers.start({ ...options, count: Number(servers) })
}
