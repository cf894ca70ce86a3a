import type { Subscriber, SubscriberEvents } from './common.js'
import type { Place } from './wandering.js'

// Asks for the right to use a channel. It comes back while an unsubscription is on its way.
const QUESTION = 'hf:may'

/** What is asked of a GlideClient or GlideClusterClient. No client is imported, not even as a type. */
export interface GlideLike {
  // oxlint-disable-next-line typescript/no-explicit-any -- a route, of a cluster only
  customCommand(args: string[], options?: { decoder?: number; route?: any }): Promise<unknown>
  subscribe(channels: Iterable<string>, timeoutMs: number): Promise<unknown>
  unsubscribe(channels: Iterable<string>, timeoutMs: number): Promise<unknown>
  close(): void
}

/** What it has besides, but does not show in its types. */
export interface Inside extends GlideLike {
  readonly isClosed: boolean
  /** What it was made with; an `updateConnectionPassword` has changed the password in it. */
  readonly config: Record<string, unknown>
  readonly constructor: { createClient(config: unknown): Promise<Inside> }
  /** Turns a notice of the server into a message; null for every other notice. */
  notificationToPubSubMessageSafe?(...args: unknown[]): unknown
}

/**
 * Makes a client of our own, with the configuration of the user's. It rejects when the server is
 * away; a client that is there connects again by itself.
 */
export async function connect({ constructor, config }: Inside): Promise<Place> {
  let heard: SubscriberEvents | undefined
  const callback = (got: { channel: unknown; message: unknown }): void => {
    if (String(got.message) !== QUESTION) heard?.message(String(got.channel), String(got.message))
  }
  const own = await constructor.createClient({
    ...config,
    lazyConnect: false,
    // Its default, RESP3: with RESP2 there are no messages.
    protocol: undefined,
    pubsubSubscriptions: { channelsAndPatterns: {}, callback },
  })
  return { open: (events) => subscriber(own, (heard = events)) }
}

function subscriber(own: Inside, events: SubscriberEvents): Subscriber {
  const channels = new Set<string>()
  // Notices that answer to a command of ours, and so tell nothing new.
  let due = 0
  let ended = false
  const decode = own.notificationToPubSubMessageSafe?.bind(own)
  const close = own.close.bind(own)
  if (decode) {
    own.notificationToPubSubMessageSafe = (...args) => {
      const message = decode(...args)
      if (message === null && --due < 0) {
        due = 0
        events.ready()
      }
      return message
    }
  }
  // GLIDE calls it itself when it gives up.
  own.close = () => {
    close()
    events.ended(new Error('The GLIDE client was closed.'))
  }
  return {
    get ready(): boolean {
      return !ended && !own.isClosed
    },
    start: events.ready,
    subscribe: async (channel) => {
      if (!channels.has(channel)) {
        await own.customCommand(['PUBLISH', channel, QUESTION]).catch((error: unknown) => {
          if (/NOPERM|permission/i.test(String(error))) throw error
        })
        if (channels.size < channels.add(channel).size) due += 1
      }
      await own.subscribe([channel], 0)
    },
    unsubscribe: async (channel) => {
      if (!channels.delete(channel)) return
      due += 1
      await own.unsubscribe([channel], 0)
    },
    end: () => {
      ended = true
      // What it still has to write it would write after the end, and complain on stderr.
      setImmediate(() => close())
    },
  }
}
