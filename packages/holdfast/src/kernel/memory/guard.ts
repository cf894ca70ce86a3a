/** The guard of a node that lost its memory: the twin of `kernel/lua/_guard.lua` and `bootstrap.lua`. */
import type { Reply } from '../../clients/port.js'
import type { Keyspace } from './store.js'

export const aheadUs = 60_000_000
export const slackUs = 5_000_000

const version = '1'

const MARKER = /^(\d+) (\d+) (\S+) (\d+) (\d+)$/

interface Guarded {
  readonly quarantined: number | null
  readonly floor: number
}

export const unguarded: Guarded = { quarantined: null, floor: 0 }

/** What the marker says; or what is wrong with the call's version. */
export function guard(
  space: Keyspace,
  keys: readonly string[],
  text: string,
  us: number,
  run: string,
): Guarded | { readonly wrong: string } {
  const now = Math.floor(us / 1000)
  const [, of, epoch, quarantine] = /^(\d+) (\d+) (\d+)$/.exec(text) ?? []
  if (of !== version) return { wrong: `protocol version ${text} is not ${version}` }
  if (run === '') return { wrong: 'the quarantine of this node needs the right to INFO' }
  const key = String(keys.at(-1))
  const marker = MARKER.exec(space.get(key) ?? '')
  const [, from = '0', least = '0', ranAs, era, length] = marker ?? []
  if (era !== undefined && Number(era) > Number(epoch)) {
    return { wrong: `the epoch of this node is ${era}, and not ${epoch}` }
  }
  if (era === epoch && length !== quarantine) {
    return { wrong: `the quarantine of this node is ${length} ms, and not ${quarantine}` }
  }
  const known = era === epoch && ranAs === run
  const until = known ? Number(from) : now + Number(quarantine)
  const slack = Math.min(slackUs, Number(quarantine) * 500)
  const floor = known ? Number(least) : Math.max(Number(least), us + aheadUs + slack)
  if (!known) {
    space.set(key, `${until} ${floor} ${run} ${epoch} ${quarantine}`, null)
  }
  return { quarantined: now < until ? until : null, floor }
}

/** Says, or sets, that this node may vote at once. */
export function bootstrap(
  space: Keyspace,
  keys: readonly string[],
  [text = '', set]: readonly string[],
  us: number,
  run: string,
): readonly Reply[] {
  const now = Math.floor(us / 1000)
  if (set !== '1') {
    const marker = space.get(String(keys[0]))
    if (marker === null) return ['missing']
    // Who only asks shuts nobody out.
    const [, asked] = /^\d+ (\d+) /.exec(text) ?? []
    const era = MARKER.exec(marker)?.[4]
    if (asked !== undefined && Number(era) < Number(asked)) return ['older']
  }
  const guarded = guard(space, keys, text, us, run)
  if ('wrong' in guarded) return ['error', guarded.wrong]
  if (guarded.quarantined === null) return ['votes']
  if (set !== '1') return ['waiting']
  const [, epoch, quarantine] = text.split(' ')
  const floor = Math.min(guarded.floor, us + aheadUs - slackUs)
  space.set(String(keys[0]), `${now} ${floor} ${run} ${epoch} ${quarantine}`, null)
  return ['ended']
}
