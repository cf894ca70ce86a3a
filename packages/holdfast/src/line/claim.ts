import type { Holder } from '../base/errors.js'
import { events, type LockEvent } from '../base/events.js'
import { decodeInfo, modeName, renewFields, type NotAfter, type Push } from '../kernel/protocol.js'
import { atMost, deadlineOfPush, deadlineOfReply, marginOf } from '../lease/deadline.js'
import type { Grant, Lease, Terms } from '../lease/lease.js'
import type { Answer } from '../quorum/node.js'
import type { Queue } from './queue.js'
import type { Waiter } from './waiter.js'
import type { Wish } from './wish.js'

/** A grant, before it is said whose. */
export type Granted = Omit<Grant, 'owner'>

/** Whose it is. Written out: to spread an object costs more than all the rest of a grant. */
export function grantTo(
  owner: string,
  grant: Granted,
  early: Grant['early'],
  succession?: Grant['succession'],
): Grant {
  const { fence, deadline, length, serverTime, begun, run, pushed, replicas, follows } = grant
  return {
    owner,
    fence,
    deadline,
    length,
    serverTime,
    begun,
    run,
    pushed,
    replicas,
    early,
    succession,
    follows,
  }
}

/** A grant by reply, or a pushed one that a renewal has confirmed. `ends` and `since` are server ms. */
export function grantOfReply(
  answer: Answer,
  told: { ends: number; fence: number; since?: number | undefined; pushed: boolean },
  { lockDelay }: Pick<Wish, 'lockDelay'>,
  { drift }: Pick<Queue, 'drift'>,
): Granted {
  const { sent, now: serverTime, run } = answer
  const { ends, fence, since = serverTime, pushed } = told
  // The server keeps the name beyond what is believed here.
  const length = ends - serverTime - lockDelay
  const deadline = deadlineOfReply(sent, length, drift)
  const { replicas = 0 } = answer
  const begun = sent - atMost(serverTime - since, drift)
  return { deadline, length, fence, serverTime, begun, run, pushed, replicas }
}

/**
 * A grant by message, as far as it can be used without asking: null when the server's clock is not
 * known well enough, when its time is all but over, when the caller needs more than a claim, or when
 * replicas must have acknowledged it. (Design 5.3; review S4, S9, S14.)
 */
export function grantOfPush(
  queue: Queue,
  wish: Wish,
  push: Push & { kind: 'grant' },
  received: number,
): { grant: Granted | null; latency: number | null } {
  const { now: serverTime, run, ends, token: fence } = push
  const offset = queue.node.latestOffset(run, received, serverTime)
  if (offset === null) return { grant: null, latency: null }
  const latency = Math.max(0, received + offset - serverTime)
  const length = ends - serverTime - wish.lockDelay
  // The claim is not the lease that was asked for: whoever does not renew gets it whole first.
  const enough = wish.renew || length >= wish.ttl || wish.claim >= wish.ttl
  const deadline = deadlineOfPush(serverTime + length, serverTime, offset, queue.drift)
  const begun = serverTime - offset
  const usable = enough && queue.clock.now() < deadline - marginOf(length, wish.margin)
  return {
    grant: usable
      ? { deadline, length, fence, serverTime, begun, run, pushed: true, replicas: 0 }
      : null,
    latency,
  }
}

/**
 * What a late answer to an acquire leaves to give back of a tenure that was accepted meanwhile, and is over
 * here: it may be kept on purpose, for its holdAtLeast or its lockDelay, or be another process's by now.
 *
 * @param taken null: nothing was accepted of it.
 * @returns for how long from its grant on it is kept all the same; null: it is not given back.
 */
export function leftOver(
  answer: Answer | null,
  taken: Granted | null,
  { holdAtLeast, lockDelay }: Wish,
): number | null {
  if (answer && !/^(granted|unacknowledged|queued)$/.test(answer.verdict[0]!)) return null
  if (!taken) return 0
  const { run, serverTime, early } = taken
  // Unknown, and not to be known: what may be there ends with its lease.
  if (!answer) return lockDelay > 0 || early?.passedOn ? null : holdAtLeast
  const older = answer.run === run && answer.now <= serverTime
  // Since when it is held is said of what is held already: that is ours to end, not a new grant.
  const [status, , , since] = answer.verdict
  return older || (status !== 'queued' && since !== undefined) ? null : 0
}

/** Who asks for a claim: within which time limit, and whether it is still wanted. */
interface Asking {
  within(notAfter: NotAfter): NotAfter
  wanted(): boolean
}

/** Asks for the full ttl of a pushed grant, and so whether it still stands. */
export async function askForClaim(
  queue: Queue,
  wish: Wish,
  owner: string,
  asking: Asking,
  tries = 2,
): Promise<Answer> {
  const { key, timeout, ttl, lockDelay } = wish
  const answer = await queue.node.ask('renew', key, timeout, (notAfter) =>
    renewFields(owner, ttl + lockDelay, asking.within(notAfter)),
  )
  // Too late only by the clock of another server run: the answer brought a sample of this one.
  const again = answer.verdict[0] === 'late' && tries > 0 && asking.wanted()
  return again ? askForClaim(queue, wish, owner, asking, tries - 1) : answer
}

/** A pushed grant that the server has renewed; null: it did not. */
export function grantOfClaim(
  queue: Queue,
  wish: Wish,
  push: Push & { kind: 'grant' },
  answer: Answer,
): Granted | null {
  const [status, ends, token] = answer.verdict
  if (status !== 'renewed') return null
  // The message may be of an earlier claim; 0 where somebody deleted the record.
  const fence = Number(token) || push.token
  const told = { ends: Number(ends), fence, since: push.now, pushed: true }
  return grantOfReply(answer, told, wish, queue)
}

/** Says that a call stands in line, or those for which one waiter asks. */
export function tellQueued({ calls, wish, owner, rank, contention }: Waiter): void {
  if (calls) return calls.tellQueued()
  const { holder = null } = contention
  events.queued({ ...eventOf(wish, owner), rank, holder, call: wish.call ?? null })
}

/** What every event of a waiter says. */
export function eventOf({ name, mode, type }: Terms, owner: string): LockEvent {
  return { name, mode: modeName(mode), type, owner }
}

/** Who holds a mutex or a write lock in this process, as a server would say it. @param info of its record */
export function holderOf({ owner, terms }: Lease, info: string): Holder {
  const trace = terms.call?.trace
  const own = trace === undefined ? {} : { trace }
  return { mode: 'exclusive', owner, ...decodeInfo(info), ...own }
}
