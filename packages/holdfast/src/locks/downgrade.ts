import { HoldfastError, type LossReason } from '../base/errors.js'
import { events } from '../base/events.js'
import { downgradeFields, sooner } from '../kernel/protocol.js'
import { marginOf } from '../lease/deadline.js'
import type { Lease } from '../lease/lease.js'
import { grantOfReply } from '../line/claim.js'
import type { Answer } from '../quorum/node.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'

/**
 * Makes a shared tenure of an exclusive one, in one step on the server. The exclusive one is over here
 * before the request is sent: from then on others may share the name. So whatever goes wrong, nothing
 * is held, here or (as soon as it can be told) on the server.
 *
 * @throws ERR_LOST, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED
 */
export function downgrade(engine: Engine, lease: Lease): Promise<Lease> {
  lease.end()
  engine.renewer.remove(lease)
  engine.queue.mailbox.unregister(lease.owner)
  // A new owner id: a late copy of anything that was sent for the old one does not touch the new one.
  return engine.changing(change(engine, lease, engine.queue.newOwner()))
}

async function change(engine: Engine, lease: Lease, owner: string): Promise<Lease> {
  const { clock, orphans } = engine
  const { keys, name, timeout, margin, lockDelay } = lease.terms
  const sent = clock.now()
  try {
    const answer = await ask(engine, lease, owner)
    const [status = '', token, ends] = answer.verdict
    if (status !== 'downgraded') throw refused(name, answer)
    const told = { ends: Number(ends), fence: Number(token), pushed: false }
    const granted = grantOfReply(answer, told, lease.terms, engine)
    if (clock.now() >= granted.deadline - marginOf(granted.length, margin)) {
      throw new HoldfastError('ERR_UNAVAILABLE', 'the answer came too late to be used')
    }
    engine.assertOpen()
    const held = lease.heldFor
    events.released({ ...lease.event(), released: true, held })
    const terms = { ...lease.terms, mode: 's' as const, ttl: lease.ttl }
    const reader = engine.adopt(terms, { ...granted, owner })
    const waited = clock.now() - sent
    events.granted({ ...reader.event(), fence: reader.fence, waited, pushed: false })
    return reader
  } catch (error) {
    // It may have been carried out, or may still be, until its notAfter.
    const until = clock.now() + timeout + lease.ttl + lockDelay
    void orphans.release(owner, keys, timeout, until)
    void orphans.release(lease.owner, keys, timeout, lease.ends)
    events.released({ ...lease.event(), released: false, held: lease.heldFor })
    throw error
  }
}

/** Not carried out once this call, or the lease, is over. */
async function ask(engine: Engine, lease: Lease, owner: string, tries = 2): Promise<Answer> {
  const { clock, node } = engine
  const { keys, timeout, name, lockDelay } = lease.terms
  try {
    const answer = await node.ask('downgrade', keys, timeout, (notAfter) => {
      const early = timeout - (lease.deadline - clock.now())
      return downgradeFields(lease.owner, owner, lease.ttl + lockDelay, sooner(notAfter, early))
    })
    // By the clock of another server run: the answer brought a sample of this one.
    const again = answer.verdict[0] === 'late' && tries > 0 && clock.now() < lease.lostAt
    return again ? await ask(engine, lease, owner, tries - 1) : answer
  } catch (error) {
    throw classify(error, 'the client', name)
  }
}

function refused(name: string, { verdict }: Answer): HoldfastError {
  const [status = '', text = ''] = verdict
  const lost = (reason: LossReason, why: string): HoldfastError => {
    const message = `the lock ${JSON.stringify(name)} was lost before its downgrade: ${why}`
    return new HoldfastError('ERR_LOST', message, { lock: name, reason })
  }
  if (status === 'gone') return lost('gone', 'it is held by nobody or by another')
  if (status === 'forced') return lost('forced', 'somebody forced its release')
  if (status === 'error') return classify(new Error(text), 'the server', name)
  return new HoldfastError('ERR_UNAVAILABLE', 'the request reached the server too late', {
    lock: name,
  })
}
