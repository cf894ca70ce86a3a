import { HoldfastError, type LossReason } from '../base/errors.js'
import { events } from '../base/events.js'
import { sooner, turnFields } from '../kernel/protocol.js'
import { marginOf } from '../lease/deadline.js'
import type { Lease, Terms } from '../lease/lease.js'
import { grantOfReply } from '../line/claim.js'
import type { Answer } from '../quorum/node.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'

/** A tenure that is to pass on to a new owner id, in one step on the server. */
interface Turn {
  /** Whose it is, as the server knows. */
  readonly owner: string
  /** Of the tenure that it becomes. */
  readonly terms: Terms
  readonly info: string
  /** Local time after which it is not to be carried out any more. */
  readonly until: number
  /** How often it is asked once more when an answer was lost. */
  readonly tries: number
  /** For how long what may have been carried out is kept from others all the same, if it fails. */
  readonly least: number
  /** What it was for, as a message says it. */
  readonly what: string
}

/**
 * Ends a lease here, whose tenure on the server is to go on under another owner id: from then on
 * others may hold, or share, the name.
 */
export function part(engine: Engine, lease: Lease): void {
  lease.passOn()
  engine.renewer.remove(lease)
  engine.queue.mailbox.unregister(lease.owner)
}

/**
 * Makes a shared tenure of an exclusive one. The exclusive one is over here before the request is
 * sent. So whatever goes wrong, nothing is held, here or (as soon as it can be told) on the server.
 *
 * @throws ERR_LOST, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED
 */
export function downgrade(engine: Engine, lease: Lease): Promise<Lease> {
  part(engine, lease)
  return engine.changing(goOnAsReader(engine, lease))
}

async function goOnAsReader(engine: Engine, lease: Lease): Promise<Lease> {
  const { orphans } = engine
  const { owner, deadline, ends } = lease
  const { name, key, info, renew, margin, maxHold, holdAtLeast, lockDelay, timeout } = lease.terms
  const { expectedHold, call, history } = lease.terms
  const kept = { name, key, info, renew, margin, maxHold, holdAtLeast, lockDelay, timeout }
  const more = { expectedHold, call, history }
  const terms: Terms = { ...kept, ...more, mode: 's', type: 'read', ttl: lease.ttl }
  const what = 'before its downgrade'
  let told = false
  const tell = (released: boolean): void => {
    if (told) return
    told = true
    events.released({ ...lease.event(), released, fence: lease.fence, held: lease.heldFor })
  }
  try {
    const least = terms.holdAtLeast
    const turned = { owner, terms, info: '', until: deadline, tries: 0, least, what }
    return await turn(engine, turned, () => tell(true))
  } catch (error) {
    void orphans.release(owner, terms.key, terms.timeout, ends, terms.holdAtLeast)
    tell(false)
    throw error
  }
}

/**
 * Takes over what another process handed over. Asks once more if an answer is lost: the same heir
 * gets the same.
 *
 * @throws ERR_LOST, ERR_UNAVAILABLE, ERR_CONFIG, ERR_CLOSED
 */
export function takeOver(engine: Engine, owner: string, terms: Terms): Promise<Lease> {
  const what = 'before it was taken over, or taken over already'
  const turned = { owner, terms, info: terms.info, until: Infinity, tries: 1, least: 0, what }
  return engine.changing(turn(engine, turned, () => undefined))
}

/** @param carriedOut called before the lease is there. */
async function turn(engine: Engine, turned: Turn, carriedOut: () => void): Promise<Lease> {
  const { clock, orphans } = engine
  const { terms } = turned
  const { key, timeout, margin, ttl, lockDelay } = terms
  // A new owner id: a late copy of anything that was sent for the old one does not touch the new one.
  const owner = engine.queue.newOwner()
  const began = clock.now()
  try {
    const answer = await ask(engine, turned, owner)
    const [status = '', fence, ends, since] = answer.verdict
    if (status !== 'turned') throw refused(terms.name, turned.what, answer.verdict)
    const told = { ends: Number(ends), fence: Number(fence), since: Number(since), pushed: false }
    const granted = grantOfReply(answer, told, terms, engine)
    if (clock.now() >= granted.deadline - marginOf(granted.length, margin)) {
      throw new HoldfastError('ERR_UNAVAILABLE', 'the answer came too late to be used')
    }
    engine.assertOpen()
    carriedOut()
    // By whoever was told of it.
    engine.assertOpen()
    const lease = engine.adopt(terms, { ...granted, owner })
    const waited = clock.now() - began
    const how = { fence: lease.fence, waited, pushed: false, local: false, call: null }
    events.granted({ ...lease.event(), ...how })
    return lease
  } catch (error) {
    // It may have been carried out, or may still be, until its notAfter; but not if the server says so.
    const { reason } = error as HoldfastError
    const until = clock.now() + timeout + ttl + lockDelay
    if (reason !== 'gone') void orphans.release(owner, key, timeout, until, turned.least)
    // Withheld from others until its owner lets go, which nobody is any more.
    if (reason === 'forced') void orphans.release(turned.owner, key, timeout, until, turned.least)
    throw error
  }
}

/** Not carried out once this call, or the lease, is over. */
async function ask(engine: Engine, turned: Turn, heir: string, late = 2): Promise<Answer> {
  const { clock, node } = engine
  const { owner, terms, info, until, tries } = turned
  const { key, timeout, name, mode, ttl, lockDelay } = terms
  let answer: Answer
  try {
    answer = await node.ask('turn', key, timeout, (notAfter) => {
      const limit = sooner(notAfter, timeout - (until - clock.now()))
      return turnFields(owner, heir, mode, ttl + lockDelay, limit, info)
    })
  } catch (error) {
    const trouble = classify(error, 'the client', name)
    if (tries === 0 || trouble.code !== 'ERR_UNAVAILABLE') throw trouble
    return ask(engine, { ...turned, tries: tries - 1 }, heir, late)
  }
  // By the clock of another server run: the answer brought a sample of this one.
  const again = answer.verdict[0] === 'late' && late > 0 && clock.now() < until
  return again ? ask(engine, turned, heir, late - 1) : answer
}

/** What a verdict means that did not go on with a tenure. */
export function refused(name: string, what: string, verdict: readonly string[]): HoldfastError {
  const [status = '', text = ''] = verdict
  const lost = (reason: LossReason, why: string): HoldfastError => {
    const message = `the lock ${JSON.stringify(name)} was lost ${what}: ${why}`
    return new HoldfastError('ERR_LOST', message, { lock: name, reason })
  }
  if (status === 'gone') return lost('gone', 'it is held by nobody or by another')
  if (status === 'forced') return lost('forced', 'somebody forced its release')
  if (status === 'error') return classify(new Error(text), 'the server', name)
  if (status === 'unacknowledged') {
    return classify(new HoldfastError('ERR_UNAVAILABLE', text), 'the server', name)
  }
  return new HoldfastError('ERR_UNAVAILABLE', 'the request reached the server too late', {
    lock: name,
  })
}
