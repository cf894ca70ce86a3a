import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { scripts } from '../../src/kernel/scripts.gen.js'
import type { World } from './kit.js'

const page = fileURLToPath(new URL('../../../../docs/clients.md', import.meta.url))

/** The rights of docs/clients.md, as they stand there: patterns of keys and channels, and commands. */
export function documented(): readonly string[] {
  const line = /^ {4}ACL SETUSER locks on >secret (.*?)\n\n/ms.exec(readFileSync(page, 'utf8'))
  return line![1]!.split(/\s+/)
}

/** The right to a server's marker, which docs/clients.md has for several servers. */
export function marker(): string {
  return /`(~\{hf\}[^`]*)`/.exec(readFileSync(page, 'utf8'))![1]!
}

/** The commands that a history needs besides. */
export function ofHistory(): readonly string[] {
  return /With `history`.*add `([^`]*)`/.exec(readFileSync(page, 'utf8'))![1]!.split(' ')
}

/** The commands that the scripts contain, in the form of rights. */
export function inScripts(): ReadonlySet<string> {
  const calls = Object.values(scripts).flatMap(({ lua }) => [
    ...lua.matchAll(/\bp?call\('([A-Z]+)'(?:, '([A-Z]+)')?/g),
  ])
  // Only of PUBSUB the second word is a part of the command.
  const right = ([, command, second]: RegExpMatchArray): string =>
    `+${command}${command === 'PUBSUB' ? `|${second}` : ''}`.toLowerCase()
  return new Set(calls.map(right))
}

/** What the server has refused, by its own log: commands, keys and channels. */
export async function denied(world: World): Promise<ReadonlySet<string>> {
  const log = (await world.admin.call('ACL', 'LOG')) as unknown[]
  const objects = log.map((entry) => {
    const fields = Array.isArray(entry) ? entry : Object.entries(entry as object).flat()
    return String(fields[fields.indexOf('object') + 1])
  })
  // Clients introduce themselves and carry on when that is refused.
  return new Set(objects.filter((object) => !/^client(\||$)/.test(object)))
}
