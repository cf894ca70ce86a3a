import { inOrder } from './acknowledged.js'
import { nothing, type Emitter, type Open } from './common.js'
import { scriptsOf, type NodeRedisCommands } from './node-redis-scripts.js'

type Listener = (message: string, channel: string) => void

/** What is asked of a node-redis client. No client is imported, not even as a type. */
export interface NodeRedisLike extends Emitter, NodeRedisCommands {
  readonly options?: { readonly socket?: object | undefined }
  readonly isOpen: boolean
  readonly isReady: boolean
  connect(): Promise<unknown>
  destroy(): void
  duplicate(overrides: { socket: object; disableOfflineQueue?: true }): NodeRedisLike
  unref(): void
  wait(replicas: number, ms: number): Promise<unknown>
  subscribe(channel: string, listener: Listener): Promise<unknown>
  unsubscribe(channel: string, listener: Listener): Promise<unknown>
}

/** It is idle for as long as nobody has to be told anything; that is no reason to end it. */
const idle = (client: NodeRedisLike): { socket: object } => ({
  socket: { ...client.options?.socket, socketTimeout: undefined },
})

/** A subscriber on a duplicate of the client. */
export const onDuplicate = (client: NodeRedisLike): Open => on(() => client.duplicate(idle(client)))

/** The same for scripts. What is under way when it breaks is not sent again: its caller was told. */
export const onSecond = (client: NodeRedisLike): Open =>
  on(() => {
    const own = client.duplicate({ ...idle(client), disableOfflineQueue: true })
    own.unref()
    return own
  })

const on =
  (make: () => NodeRedisLike): Open =>
  (events) => {
    const own = make()
    const listener: Listener = (message, channel) => events.message(channel, message)
    // One that is ended before there is a socket would connect all the same, and that for ever.
    let reached = false
    let ended = false
    const destroy = (): void => {
      reached = false
      try {
        own.destroy()
      } catch {
        // It is closed already.
      }
    }
    const heard = (connected: boolean) => (): void => {
      reached = connected
      if (ended) destroy()
    }
    own.on('connect', heard(true))
    own.on('error', heard(false))
    // An error that leaves it closed is its last: the reconnect strategy has given up.
    own.on('error', (error: unknown) => (own.isOpen ? events.error : events.ended)(error))
    // By then the client itself has subscribed again, and the server has confirmed it.
    own.on('ready', events.ready)
    const start = (): void => {
      if (!own.isOpen) own.connect().catch(nothing)
    }
    return {
      get ready(): boolean {
        return own.isReady
      },
      start,
      subscribe: (channel) => own.subscribe(channel, listener),
      unsubscribe: (channel) => own.unsubscribe(channel, listener),
      // To a channel that it knows it would not subscribe again.
      probe: async (channel) => {
        await own.subscribe(`${channel}:alive`, listener)
        await own.unsubscribe(`${channel}:alive`, listener)
      },
      reset: () => {
        destroy()
        start()
      },
      pipeline: inOrder(scriptsOf(own), (replicas, ms) => own.wait(replicas, ms)),
      end: () => {
        ended = true
        if (reached || !own.isOpen) destroy()
      },
    }
  }
