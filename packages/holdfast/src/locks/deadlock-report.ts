import { HoldfastError, who, type DeadlockLink } from '../base/errors.js'
import { modeName } from '../kernel/protocol.js'
import type { Circle, Link, SeenWait } from './deadlock-graph.js'
import { processOf } from './records.js'

/** Between two looks. */
export const AGAIN_MS = 500

/** As this Holdfast's user calls it. */
function nameOf(key: string, prefix: string): string {
  return key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : key
}

const ago = (since: number, now: number): number => Math.max(0, Math.round(now - since))

/** The circle from the holder whose wait it is seen from. */
export function cycleOf({ way }: Circle, prefix: string): DeadlockLink[] {
  const one = ({ holder, next }: Link, held: SeenWait): DeadlockLink => ({
    ...processOf(holder.record!),
    name: nameOf(held.key, prefix),
    mode: modeName(holder.record!.mode),
    owner: holder.owner,
    heldFor: ago(holder.record!.since, held.now),
    waitsFor: {
      name: nameOf(next.key, prefix),
      mode: modeName(next.record!.mode),
      owner: next.wait,
      waitedFor: ago(next.record!.since, next.now),
    },
  })
  // Link by link: who holds what the one before waits for.
  const links = way.map((link, i) => one(link, way.at(i - 1)!.next))
  return [links.at(-1)!, ...links.slice(0, -1)]
}

function saying(link: DeadlockLink): string {
  const waitsFor = JSON.stringify(link.waitsFor.name)
  return `${who(link)} holds ${JSON.stringify(link.name)} and waits for ${waitsFor}`
}

/** The error of a wait that is given up. */
export function deadlockError(name: string, cycle: readonly DeadlockLink[]): HoldfastError {
  const message =
    `the wait for the lock ${JSON.stringify(name)} was given up, because it came last of those that ` +
    `wait in a circle: ${cycle.map(saying).join('; ')}. Take locks in the same order everywhere`
  return new HoldfastError('ERR_DEADLOCK', message, { lock: name, cycle })
}
