import type { Holdfast } from 'holdfast'
import { EXIT, Exit } from '../exit.js'

/** In HOLDFAST_HELD, as JSON: the keys that the runs around this process hold, with the owner ids. */
type Held = readonly (readonly [key: string, owner: string])[]

/** @returns what HOLDFAST_HELD says; of anything else than we wrote, nothing. */
export function heldOutside(text: string | undefined): Held {
  try {
    const list: unknown = JSON.parse(text ?? '[]')
    const pair = (one: unknown): boolean =>
      Array.isArray(one) && one.length === 2 && one.every((word) => typeof word === 'string')
    return Array.isArray(list) && list.every(pair) ? (list as Held) : []
  } catch {
    return []
  }
}

/**
 * A `run` inside of a `run` of the same name would wait for itself. Whether the one outside still holds it is
 * asked: what it started may outlive it.
 *
 * @throws Exit (deadlock)
 */
export async function refuseNested(locks: Holdfast, prefix: string, name: string): Promise<void> {
  const owners = heldOutside(process.env['HOLDFAST_HELD'])
    .filter(([key]) => key === prefix + name)
    .map(([, owner]) => owner)
  if (owners.length === 0) return
  const { holders } = await locks.inspect(name)
  const outer = holders.find(({ owner }) => owner !== null && owners.includes(owner))
  if (!outer) return
  const message = `a holdfast run around this one holds ${JSON.stringify(name)}: it would wait for itself`
  throw new Exit(EXIT.notAcquired, 'deadlock', message, { name, owner: outer.owner })
}
