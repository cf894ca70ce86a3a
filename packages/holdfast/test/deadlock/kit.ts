import { channel } from 'node:diagnostics_channel'
import type { HoldfastEvents, HoldfastOptions, LockOptions } from '../../src/index.js'
import type { Outcome, SimClient, World } from '../kit/world.js'
import { gate } from '../reentrant/kit.js'

/** What a test sees of one who takes a first lock, and then a second inside of it. */
export interface Member extends Outcome<string> {
  readonly client: SimClient
}

/**
 * Each holds a name of its own, and then asks for that of the next, all at the same moment: the last
 * one of them closes the ring. Whoever gets both is done a moment later.
 */
export async function ring(
  w: World,
  count: number,
  options: (i: number) => HoldfastOptions & LockOptions = () => ({}),
): Promise<Member[]> {
  const start = gate()
  const members = Array.from({ length: count }, (_, i) => {
    const { prefix, ...own } = options(i)
    const client = w.client({}, prefix === undefined ? {} : { prefix })
    const next = `n${(i + 1) % count}`
    const call = client.locks.mutex(`n${i}`, { label: `m${i}` }).use(async () => {
      await start.opened
      return client.locks.mutex(next, { wait: Infinity, label: `m${i}`, ...own }).use(() => 'both')
    })
    return Object.assign(w.watch(call), { client })
  })
  await w.advance(5)
  start.open()
  await w.advance(0)
  return members
}

export const states = (members: readonly Outcome<unknown>[]): string =>
  members.map(({ state, error }) => (state === 'failed' ? error.code : state)).join(' ')

/** The messages of `holdfast:deadlock`, until `stop`. */
export function deadlockEvents(): {
  readonly seen: HoldfastEvents['holdfast:deadlock'][]
  stop(): unknown
} {
  const seen: HoldfastEvents['holdfast:deadlock'][] = []
  const listen = (message: unknown): void =>
    void seen.push(message as HoldfastEvents['holdfast:deadlock'])
  channel('holdfast:deadlock').subscribe(listen)
  return { seen, stop: () => channel('holdfast:deadlock').unsubscribe(listen) }
}

/** The commands of the search. */
export const searches = (w: World): number => w.net.count('edge') + w.net.count('waits')
