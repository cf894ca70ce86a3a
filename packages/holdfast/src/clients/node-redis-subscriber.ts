import { nothing, type Emitter, type Open } from './common.js'

/** How every kind of node-redis client runs a script. */
export interface NodeRedisScripts {
  /** Not in version 5. */
  readonly _keyPrefix?: { toString(): string } | undefined
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(lua: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- its type is made of the client's own
  withTypeMapping(mapping: any): Pick<NodeRedisScripts, 'evalSha' | 'eval'>
}

type Listener = (message: string, channel: string) => void

/** What is asked of a node-redis client. No client is imported, not even as a type. */
export interface NodeRedisLike extends Emitter, NodeRedisScripts {
  readonly options?: { readonly socket?: object | undefined }
  readonly isOpen: boolean
  readonly isReady: boolean
  connect(): Promise<unknown>
  destroy(): void
  duplicate(overrides: { socket: object }): NodeRedisLike
  subscribe(channel: string, listener: Listener): Promise<unknown>
  unsubscribe(channel: string, listener: Listener): Promise<unknown>
}

/** A subscriber on a duplicate of the client. */
export const onDuplicate =
  (client: NodeRedisLike): Open =>
  (events) => {
    // It is idle for as long as nobody has to be told anything; that is no reason to end it.
    const socket = { ...client.options?.socket, socketTimeout: undefined }
    const own = client.duplicate({ socket })
    const listener: Listener = (message, channel) => events.message(channel, message)
    // One that is ended before there is a socket would connect all the same, and that for ever.
    let reached = false
    let ended = false
    const destroy = (): void => {
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
      end: () => {
        ended = true
        if (reached || !own.isOpen) destroy()
      },
    }
  }
