import type { Duration } from '../base/duration.js'
import { HoldfastError, invalid } from '../base/errors.js'
import { checkName, isOwnerId } from '../kernel/names.js'
import { renewFields, type NotAfter } from '../kernel/protocol.js'
import { deadlineOfReply } from '../lease/deadline.js'
import type { Answer } from '../quorum/node.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'
import { resultOf, type ReleaseResult } from './lock.js'
import { known } from './options.js'
import { refused } from './turn.js'

/** What {@link Holdfast.renew} gave. */
export interface RenewResult {
  /** The fencing token of the lock: as before. */
  readonly fence: number
  /** For how many ms from now on the lock is surely held. */
  readonly remaining: number
}

/**
 * Prolongs a tenure that nobody renews, by its owner id.
 *
 * @throws ERR_LOST, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED, ERR_INVALID_ARGUMENT
 */
export async function renewByOwner(
  engine: Engine,
  name: string,
  owner: string,
  options: { readonly ttl?: Duration | undefined },
): Promise<RenewResult> {
  const key = keyFor(engine, name, owner)
  known('options', options, ['ttl'])
  const { ttl, timeout } = engine.settings({ ...options, renew: false })
  const ask = async (late: number): Promise<Answer> => {
    const fields = (notAfter: NotAfter): string[] => renewFields(owner, ttl, notAfter)
    const answer = await engine.node.ask('renew', key, timeout, fields).catch((error: unknown) => {
      throw classify(error, 'the client', name)
    })
    // By the clock of another server run: the answer brought a sample of this one.
    return answer.verdict[0] === 'late' && late > 0 ? ask(late - 1) : answer
  }
  const answer = await ask(2)
  const [status, ends, fence] = answer.verdict
  if (status !== 'renewed') throw refused(name, 'before it was renewed', answer.verdict)
  // The server never shortens a lease, so it may have more; what was asked for is what counts.
  const remaining = Math.min(Number(ends) - answer.now, ttl)
  const left = deadlineOfReply(answer.sent, remaining, engine.drift) - engine.clock.now()
  if (left > 0) return { fence: Number(fence), remaining: Math.floor(left) }
  throw new HoldfastError('ERR_UNAVAILABLE', 'the answer came too late to be used', { lock: name })
}

/** Ends a tenure that nobody here looks after, by its owner id. */
export async function releaseByOwner(
  engine: Engine,
  name: string,
  owner: string,
): Promise<ReleaseResult> {
  const key = keyFor(engine, name, owner)
  const { timeout } = engine.settings({})
  const until = engine.clock.now() + timeout
  return resultOf(await engine.orphans.release(owner, key, timeout, until))
}

/** @throws ERR_CLOSED, ERR_INVALID_ARGUMENT */
function keyFor(engine: Engine, name: string, owner: unknown): string {
  engine.assertOpen()
  checkName(name, engine.prefix)
  if (!isOwnerId(owner)) throw invalid('owner', owner, 'the owner id of a lock, as lock.owner')
  return engine.prefix + name
}
