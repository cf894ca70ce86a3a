import type { Mailbox } from '../line/mailbox.js'
import type { Nodes } from '../quorum/nodes.js'

/** What is needed to ask: a part of the engine. */
export interface Asker {
  readonly prefix: string
  readonly node: Nodes
  readonly queue: { readonly mailbox: Mailbox }
}

/** What a server says of itself. Null is what its ACL keeps back. */
export interface Status {
  readonly engine: string | null
  readonly version: string | null
  readonly run: string | null
  readonly role: string | null
  /** Its maxmemory-policy. */
  readonly policy: string | null
  /** Whether that, and a limit of its memory, let it take keys away. */
  readonly evicts: boolean
  /** How many subscribe to the channel of this client there. */
  readonly subscribers: number | null
  /** Local times, and the server's, in ms. */
  readonly sent: number
  readonly received: number
  readonly now: number
}

const known = (text = ''): string | null => (text === '' ? null : text)

/** @throws ERR_UNAVAILABLE, ERR_CONFIG */
export async function askStatus(
  { node, prefix, queue }: Asker,
  timeout: number,
  awaited = true,
): Promise<Status> {
  const { channel } = queue.mailbox
  // Any key will do; this one is of a slot that differs from client to client.
  const answer = await node.status(prefix + channel, channel, timeout, awaited)
  const [engine, version, role, policy, subscribers = '-1', maxmemory] = answer.verdict
  // A node of a cluster counts its own only: none there says nothing of the others.
  const told = Number(subscribers) >= (node.cluster ? 1 : 0)
  return {
    engine: known(engine),
    version: known(version),
    run: known(answer.run),
    role: known(role),
    policy: known(policy),
    // Without a limit nothing is ever evicted, whatever the policy.
    evicts: known(policy) !== null && policy !== 'noeviction' && maxmemory !== '0',
    subscribers: told ? Number(subscribers) : null,
    sent: answer.sent,
    received: answer.received,
    now: answer.now,
  }
}
