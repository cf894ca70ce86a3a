import { HoldfastError, type Holder } from '../base/errors.js'
import { checkName } from '../kernel/names.js'
import { decodeRecord, modeName, type StoredRecord } from '../kernel/protocol.js'
import { classify } from '../quorum/replies.js'
import type { Answer } from '../quorum/node.js'
import type { Engine } from './engine.js'
import { checkForce } from './options.js'
import { processOf, triples } from './records.js'

const TIMEOUT_MS = 500

/** A holder, as inspect shows it. Times are ms. */
export interface HeldBy extends Holder {
  /** Since the grant; null for a foreign holder. */
  readonly heldFor: number | null
  /** What the lease has left; null for a foreign key without expiry. */
  readonly remaining: number | null
  /** The fencing token; null where the server does not know one. */
  readonly fence: number | null
  /** Of a semaphore: how many permits. */
  readonly permits?: number
}

/** A waiter, in the order of the line. */
export interface WaitingFor extends Omit<Holder, 'mode'> {
  readonly mode: 'exclusive' | 'shared' | 'permits'
  /** Of a semaphore: how many permits it wants. */
  readonly permits?: number
  /** Since it first asked, ms. */
  readonly waitedFor: number
}

/** What the server knows of a name. */
export interface LockState {
  /** Without the prefix. */
  readonly name: string
  /** At most 100 of them. */
  readonly holders: readonly HeldBy[]
  /** Of a semaphore: as many of them as hold the 10,000 permits that end first. */
  readonly holderCount: number
  /** The first 100. */
  readonly waiters: readonly WaitingFor[]
  /** All who stand in line, also those whom `waiters` leaves out. */
  readonly waiterCount: number
  /** The highest token that was granted, as far as it is remembered; 0 if it is not. */
  readonly fence: number
  /** Of a semaphore in use: its limit, and how many permits are held. */
  readonly permits: { readonly limit: number; readonly used: number } | null
}

/** What forceRelease did. */
export interface ForceResult {
  /** Whether the name is free (or handed over) now. */
  readonly freed: boolean
  /** How many holders have to let go. Without `now`, of a semaphore: as `holderCount`. */
  readonly asked: number
  /** The name is withheld for at most so many ms. */
  readonly remaining: number | null
}

export async function inspect(engine: Engine, name: string): Promise<LockState> {
  engine.assertOpen()
  checkName(name, engine.prefix)
  const key = engine.prefix + name
  return stateOf(name, await engine.node.ask('inspect', key, TIMEOUT_MS, () => []))
}

function stateOf(name: string, { raw, now }: Answer): LockState {
  const [status, fence, holderCount, waiterCount, heldBy, waiting, limit, used] = raw
  if (status !== 'state') throw classify(new Error(String(raw[1])), 'the server', name)
  const holders: HeldBy[] = []
  for (const [owner, ends, text] of triples(heldBy)) {
    const record = decodeRecord(text)
    const { mode = 'x', since, token } = record ?? { since: null, token: null }
    holders.push({
      ...shown(record),
      mode: owner === '' ? 'foreign' : modeName(mode),
      owner: owner === '' ? null : owner,
      heldFor: since === null ? null : Math.max(0, Math.round(now - since)),
      remaining: Number(ends) < 0 ? null : Math.max(0, Math.round(Number(ends) - now)),
      fence: token,
    })
  }
  const waiters: WaitingFor[] = []
  for (const [owner, ticket, text] of triples(waiting)) {
    const record = decodeRecord(text)
    const { mode, since } = record ?? { mode: 'x' as const, since: Number(ticket) / 1000 }
    const waitedFor = Math.max(0, Math.round(now - since))
    waiters.push({ ...shown(record), mode: modeName(mode), owner, waitedFor })
  }
  return {
    name,
    holders,
    holderCount: Number(holderCount),
    waiters,
    waiterCount: Number(waiterCount),
    fence: Number(fence),
    permits: Number(limit) > 0 ? { limit: Number(limit), used: Number(used) } : null,
  }
}

/** A name of which nothing is known. */
export function freeState(name: string): LockState {
  const nobody = { holders: [], holderCount: 0, waiters: [], waiterCount: 0 }
  return { name, ...nobody, fence: 0, permits: null }
}

/** What a record says of its process, and how many permits it is for. */
function shown(
  record: StoredRecord | null,
): Omit<HeldBy, 'mode' | 'owner' | 'heldFor' | 'remaining' | 'fence'> {
  if (!record) return {}
  const { mode, weight } = record
  return mode === 'p' ? { ...processOf(record), permits: weight } : processOf(record)
}

export async function forceRelease(
  engine: Engine,
  name: string,
  options: { now?: boolean },
): Promise<ForceResult> {
  engine.assertOpen()
  checkName(name, engine.prefix)
  checkForce(options)
  return force(engine, await inspect(engine, name), options.now ?? false)
}

/** Ends those who are seen to hold: a copy of this request that comes late spares whoever came later. */
export async function force(engine: Engine, state: LockState, now: boolean): Promise<ForceResult> {
  const { name } = state
  if (state.holderCount === 0) return { freed: true, asked: 0, remaining: 0 }
  const key = engine.prefix + name
  const fields = [now ? '1' : '0', String(state.fence), '']
  const answer = await engine.node.ask('force', key, TIMEOUT_MS, () => fields)
  const [status = '', count = '0', ends = '-1'] = answer.verdict
  if (status === 'forced' || status === 'asked') {
    // The message may come later, or never: no call of this process goes on with what it has ended itself.
    for (const { owner } of state.holders) {
      if (owner) engine.queue.mailbox.tell({ kind: 'forced', owner, now: answer.now })
    }
  }
  const remaining = (text: string): number | null =>
    Number(text) < 0 ? null : Math.max(0, Math.round(Number(text) - answer.now))
  switch (status) {
    case 'forced':
      return forceOthers(engine, name, fields, Number(count), Number(ends))
    case 'asked':
      return { freed: false, asked: Number(count), remaining: remaining(ends) }
    // The tenure that was meant is over.
    case 'newer':
    case 'none':
      return { freed: true, asked: 0, remaining: 0 }
    case 'foreign':
      return { freed: false, asked: 0, remaining: remaining(count) }
    default:
      throw status === 'error'
        ? classify(new Error(count), 'the server', name)
        : new HoldfastError('ERR_UNAVAILABLE', `the server answered ${status}`)
  }
}

/**
 * One call ends a bounded number of those who share; the name is withheld from others until all have
 * gone, so that each call leaves fewer.
 */
async function forceOthers(
  engine: Engine,
  name: string,
  fields: readonly string[],
  ended: number,
  others: number,
): Promise<ForceResult> {
  const key = engine.prefix + name
  let asked = ended
  let left = others
  for (let before = Infinity; left > 0 && left < before;) {
    before = left
    const answer = await engine.node.ask('force', key, TIMEOUT_MS, () => fields)
    const [status, count = '0', behind = '0'] = answer.verdict
    if (status === 'error') throw classify(new Error(count), 'the server', name)
    // The others have gone by themselves.
    if (status !== 'forced') left = 0
    else [asked, left] = [asked + Number(count), Number(behind)]
  }
  return { freed: left === 0, asked, remaining: left === 0 ? 0 : null }
}
