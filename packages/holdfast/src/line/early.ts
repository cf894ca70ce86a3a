import { revokerOfInfo, type Push } from '../kernel/protocol.js'

/**
 * Somebody asked for the end of a tenure whose grant was still on its way: a message overtook the
 * answer, or came between the grant and its lease. Told to the lease as soon as there is one.
 */
export class Early {
  push: Push | undefined
  /** Whether somebody else wants the name. */
  wanted = false
  /** Whether the lease is over because its tenure goes on elsewhere: see `Lease.passOn`. */
  passedOn = false

  /** A message to the waiter: an order counts for more than a wish. */
  note(push: Push): void {
    if (push.kind === 'wanted') this.wanted = true
    if (push.kind === 'forced' || (push.kind === 'revoked' && !this.push)) this.push = push
  }

  /** What a renewal says: the holder's info, if somebody asked it to let go. */
  learn(info: string | undefined, owner: string, now: number): void {
    if (info !== undefined) this.note({ kind: 'revoked', owner, now, by: revokerOfInfo(info) })
  }
}
