import type { Lock } from 'holdfast'
import { heldOutside } from './nested.js'

/** What a command is told of the lock that it runs under. */
export function environmentOf(
  { name, owner, fence }: Pick<Lock, 'name' | 'owner' | 'fence'>,
  prefix: string,
  expiresAt: number,
): NodeJS.ProcessEnv {
  const held = heldOutside(process.env['HOLDFAST_HELD'])
  return {
    ...process.env,
    HOLDFAST_NAME: name,
    HOLDFAST_PREFIX: prefix,
    HOLDFAST_OWNER: owner,
    HOLDFAST_FENCE: String(fence),
    HOLDFAST_EXPIRES_AT: String(expiresAt),
    HOLDFAST_HELD: JSON.stringify([...held, [prefix + name, owner]]),
  }
}
