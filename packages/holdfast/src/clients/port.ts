/**
 * The one thing that Holdfast asks of a Redis client: run a script, subscribe, say whether it is
 * ready. Adapters implement it for real clients, the memory kernel implements it without a server.
 */

/** A reply of a script, as every client decodes it: strings, integers and nested arrays of them. */
export type Reply = string | number | null | readonly Reply[]

/** A Lua script, with its SHA-1 baked in at build time. */
export interface Script {
  readonly name: string
  readonly sha1: string
  readonly lua: string
}

/** One server, for a script that takes no keys. */
export interface PortNode {
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply>
  /** See {@link Port.command}. */
  command?(words: readonly string[]): Promise<unknown>
}

/** A live subscription. Its methods never throw. */
export interface Subscription {
  close(): Promise<void>
  /**
   * A message is missing that should have come: looks whether the connection is still alive, and
   * gives it up for another one if not, which is then told as a gap. May be left out.
   */
  suspect?(): void
}

/** What a subscriber is told. */
export interface SubscriptionEvents {
  /** A message arrived. */
  onMessage(message: string): void
  /** The subscription is live again after a break: messages may have been missed in between. */
  onGap(): void
  /** The subscription has ended for good, for instance because the client has given up. */
  onEnd?(): void
}

/**
 * A connection to one Redis or Valkey node (or to one Cluster or Sentinel set-up that a client
 * presents as one).
 */
export interface Port {
  /** Which client is behind it, for error messages: `ioredis`, `node-redis`, `memory`, ... */
  readonly kind: string
  /** Where the server is, for error messages: `10.0.0.1:6379`. */
  readonly address?: string | undefined
  /** False when a command given now would be queued by the client instead of being written. */
  readonly ready: boolean
  /** True where names live on several servers: then one call may carry the names of one slot only. */
  readonly cluster?: boolean
  /** What the client puts before every key. Patterns and what SCAN finds are not touched by it. */
  readonly keyPrefix?: string
  /**
   * Why it is not ready, as far as the client knows: what is the matter with it, in words, and its last
   * error since it was last ready. May be left out.
   */
  trouble?(): { readonly state?: string | undefined; readonly error?: unknown }
  /**
   * Calls back once, as soon as the port is ready (at once, but never synchronously, if it is).
   * Starts a lazy client's connection where that is the client's own habit.
   *
   * @returns a function that takes the wish back; afterwards no listener is left.
   */
  onReady(callback: () => void): () => void
  /**
   * Runs a script: EVALSHA, and once more with the whole text when the server does not know it.
   * Rejects with the client's own error when the server answers with one or the connection breaks.
   * It has no time limit of its own: the caller sets one.
   */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply>
  /**
   * Runs a command that has no keys and that scripts may not call, such as CONFIG GET. Only `doctor` asks
   * for it, for what it cannot see else. Of a cluster its nodes have it.
   *
   * @returns the reply as the client decodes it: a map may be an object, a `Map`, or a list.
   */
  command?(words: readonly string[]): Promise<unknown>
  /** Calls back, and writes what is run meanwhile at once: the server sees all of it or nothing. */
  atOnce?(work: () => void): void
  /**
   * The same on a second connection of the port's own, with a WAIT behind the script: it covers what was
   * written on its own connection, and holds up what stands behind it there. Not of a cluster. A port
   * without it cannot ask for acknowledgements.
   *
   * @param timeout ms, of the whole call: later it is not sent. Half of it is the time limit of the WAIT.
   * @returns how many replicas have acknowledged what the script wrote: fewer than asked, maybe.
   */
  runAcknowledged?(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    replicas: number,
    timeout: number,
  ): Promise<{ readonly reply: Reply; readonly replicas: number }>
  /**
   * Where names live on several servers: each that has names of its own, at this moment. A port
   * without it cannot list names there.
   */
  nodes?(): Promise<readonly PortNode[]>
  /** Subscribes to a channel and resolves once the server has confirmed it. */
  subscribe(channel: string, events: SubscriptionEvents): Promise<Subscription>
  /** Ends what the port itself opened; the user's client stays open. Never throws. */
  close(): Promise<void>
}
