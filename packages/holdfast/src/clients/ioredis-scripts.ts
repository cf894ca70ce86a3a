import type { Runner } from './common.js'

/** How ioredis and iovalkey run a script. */
export interface IoredisScripts {
  call(command: string, ...args: string[]): Promise<unknown>
}

/**
 * EVALSHA and EVAL, in small letters: in capitals iovalkey and older versions of ioredis do not know the
 * command, put no prefix before its keys, and send it to any node of a Cluster.
 */
export const scriptsOf = (client: IoredisScripts): Runner => ({
  byHash: (sha1, keys, args) => client.call('evalsha', sha1, `${keys.length}`, ...keys, ...args),
  byText: (lua, keys, args) => client.call('eval', lua, `${keys.length}`, ...keys, ...args),
  command: ([name = '', ...words]) => client.call(name.toLowerCase(), ...words),
})
