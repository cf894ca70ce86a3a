import type { Holder } from '../base/errors.js'
import { wishOf } from '../line/wish.js'
import { holdsHere } from './context.js'
import type { Engine } from './engine.js'
import { force, inspect, type HeldBy, type WaitingFor } from './inspect.js'
import { list } from './list.js'
import type { LockManagerInfo, LockManagerSnapshot } from './lock-manager.js'
import type { Lock } from './lock.js'
import type { HandoverOptions, LockOptions } from './options.js'

/**
 * The name is taken from those who hold it when this request stands in line, before all others: so it
 * goes to nobody else, and who comes later is spared. Two who steal at once follow one another.
 */
export async function stolen(
  engine: Engine,
  all: LockOptions & HandoverOptions,
  name: string,
): Promise<Lock> {
  const given = new AbortController()
  // Who held it when this request first stood there: who holds it when it stands there again came later.
  let was: Holder | null | undefined
  let standing = 0
  let robbing = false
  const stands = async (owner: string, holder: Holder | null): Promise<void> => {
    standing++
    if (was === undefined) was = holder
    if (robbing) return
    robbing = true
    try {
      let before: number
      do {
        before = standing
        // Not if its place was lost meanwhile: then those who hold it are ended when it stands there again.
        if (await rob(engine, name, owner, was)) return
      } while (before !== standing)
      robbing = false
    } catch (error) {
      given.abort(error)
    }
  }
  const ahead = (owner: string, holder: Holder | null): void => void stands(owner, holder)
  const options = { ...all, wait: Infinity, signal: given.signal }
  const wish = wishOf({ ...engine.settings(options), ahead }, name, 'x', engine.prefix + name)
  return engine.acquire(wish, holdsHere(undefined))
}

/** See LockManager.query. */
export async function snapshot(engine: Engine): Promise<LockManagerSnapshot> {
  const held: LockManagerInfo[] = []
  const pending: LockManagerInfo[] = []
  for await (const { name, holders, waiters } of list(engine, '*', { from: 'scan' })) {
    held.push(...holders.map((one) => infoOf(name, one)))
    pending.push(...waiters.map((one) => infoOf(name, one)))
  }
  return { held, pending }
}

/**
 * Ends the holders of a name, while this owner waits for it: then none of them is this owner.
 *
 * @param was who held it when this owner came to stand in line.
 * @returns false if it does not stand there.
 */
async function rob(
  engine: Engine,
  name: string,
  owner: string,
  was: Holder | null,
): Promise<boolean> {
  const state = await inspect(engine, name)
  if (!state.waiters.some((one) => one.owner === owner)) return false
  // Only another one that steals comes before this one: it is followed, and not ended.
  const later = ({ mode, owner: now }: HeldBy): boolean =>
    mode === 'exclusive' && now !== was?.owner
  if (!state.holders.some(later)) await force(engine, state, true)
  return true
}

function infoOf(name: string, { mode, owner }: HeldBy | WaitingFor): LockManagerInfo {
  const side = mode === 'exclusive' || mode === 'foreign' ? 'exclusive' : 'shared'
  return { name, mode: side, ...(owner === null ? {} : { clientId: owner.split('.')[0]! }) }
}
