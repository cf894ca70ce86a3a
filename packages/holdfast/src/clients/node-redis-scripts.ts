import type { Runner } from './common.js'

/** How every kind of node-redis client runs a script. */
export interface NodeRedisScripts {
  /** Not in version 5. */
  readonly _keyPrefix?: { toString(): string } | undefined
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(lua: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- its type is made of the client's own
  withTypeMapping(mapping: any): Pick<NodeRedisScripts, 'evalSha' | 'eval'>
}

/** How a client of one server, and no other, runs any command. */
export interface NodeRedisCommands extends NodeRedisScripts {
  sendCommand(words: readonly string[]): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- its type is made of the client's own
  withTypeMapping(mapping: any): Pick<NodeRedisCommands, 'evalSha' | 'eval' | 'sendCommand'>
}

/** EVALSHA and EVAL. A type mapping of the user's would change the form of replies. */
export function scriptsOf(client: NodeRedisScripts): Runner {
  const plain = client.withTypeMapping({})
  const options = (keys: readonly string[], args: readonly string[]) => ({
    keys: [...keys],
    arguments: [...args],
  })
  return {
    byHash: (sha1, keys, args) => plain.evalSha(sha1, options(keys, args)),
    byText: (lua, keys, args) => plain.eval(lua, options(keys, args)),
  }
}

/** The same of a client of one server, and commands. */
export function runnerOf(client: NodeRedisCommands): Runner {
  const plain = client.withTypeMapping({})
  return { ...scriptsOf(client), command: (words) => plain.sendCommand(words) }
}
