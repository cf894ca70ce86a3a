import { events } from '../base/events.js'
import { acquireFields, type NotAfter } from '../kernel/protocol.js'
import { marginOf } from '../lease/deadline.js'
import type { Grant } from '../lease/lease.js'
import type { Answer } from '../quorum/node.js'
import { eventOf, grantOfReply } from './claim.js'
import { Early } from './early.js'
import type { Queue } from './queue.js'
import type { Wish } from './wish.js'

/** One name of several that a call wants together, and what the call has of it so far. */
export class Part {
  readonly wish: Wish
  readonly #queue: Queue
  #grant: Grant | null = null
  #owner: string | null = null
  /** Whether the server may know the owner id. */
  #sent = false
  /** Whether it stood in line for what it has. */
  waited = false
  /** In its line, once it stood there: what is given back unused is waited for from there. */
  readonly place: NonNullable<Wish['place']> = { ticket: 0 }
  #early: NonNullable<Grant['early']> = new Early()
  /** When the grant was told to those who listen to events, local time. */
  #told: number | null = null

  constructor(queue: Queue, wish: Wish) {
    this.#queue = queue
    this.wish = wish
  }

  get grant(): Grant | null {
    return this.#grant
  }

  /** The owner id of the next request, or of the tenure. An order to let go may come before its grant. */
  nameOwner(): string {
    if (this.#owner === null) {
      this.#owner = this.#queue.newOwner()
      const early = new Early()
      this.#early = early
      this.#queue.mailbox.register(this.#owner, { pushed: (push) => early.note(push) })
    }
    return this.#owner
  }

  fields(notAfter: NotAfter): string[] {
    this.#sent = true
    return acquireFields(this.nameOwner(), this.wish, false, '', notAfter)
  }

  /** Until when the grant can be used; -Infinity without one. */
  get usableUntil(): number {
    const grant = this.#grant
    return grant ? grant.deadline - marginOf(grant.length, this.wish.margin) : -Infinity
  }

  /** The server said that this owner holds the name: from now on, or still. */
  granted(answer: Answer, [fence, ends, since]: readonly number[]): void {
    const told = { fence: fence!, ends: ends!, since, pushed: false }
    const granted = grantOfReply(answer, told, this.wish, this.#queue)
    this.#grant = { ...granted, owner: this.nameOwner(), early: this.#early }
  }

  /** Its turn in the line has come. */
  stood(grant: Grant): void {
    this.drop()
    this.#grant = grant
    this.#owner = grant.owner
    this.#sent = this.waited = true
    this.#early = grant.early ?? new Early()
    this.#told = this.#queue.clock.now()
  }

  /** The call has all of its names. */
  tell(since: number): void {
    if (this.#told !== null || !this.#grant) return
    const now = this.#queue.clock.now()
    const { fence, owner } = this.#grant
    events.granted({
      ...eventOf(this.wish, owner),
      fence,
      waited: now - since,
      pushed: false,
      local: false,
      call: this.wish.call ?? null,
    })
    this.#told = now
  }

  /** The server has nothing of this owner id. */
  drop(): void {
    if (this.#owner === null) return
    this.#queue.mailbox.unregister(this.#owner)
    this.#forget()(false)
  }

  /** Releases what the server has of it, or may have. */
  giveBack(): void {
    if (this.#owner === null || !this.#sent) return this.drop()
    const leaving = this.release(this.#owner)
    const tell = this.#forget()
    void leaving.then((answer) => tell(answer?.verdict[0] === 'released'))
  }

  release(owner: string): Promise<Answer | null> {
    const { key, timeout, ttl, lockDelay } = this.wish
    const until = this.#queue.clock.now() + timeout + ttl + lockDelay
    return this.#queue.orphans.release(owner, key, timeout, until)
  }

  /** An owner id is never used again. @returns tells of the end of a grant that was told. */
  #forget(): (released: boolean) => void {
    const [owner, told] = [this.#owner, this.#told]
    const fence = this.#grant?.fence ?? 0
    this.#owner = this.#grant = this.#told = null
    this.#sent = this.waited = false
    if (owner === null || told === null) return () => undefined
    const held = this.#queue.clock.now() - told
    return (released) => events.released({ ...eventOf(this.wish, owner), released, fence, held })
  }
}
