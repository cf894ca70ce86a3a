/** What a port does in the same way whatever client is behind it. */
import { HoldfastError } from '../base/errors.js'
import { acknowledging, unknownScript, type Pipeline } from './acknowledged.js'
import { listen } from './listeners.js'
import type { LastError } from './trouble.js'
import type { Port, PortNode, Reply, Subscription, SubscriptionEvents } from './port.js'

/** The part of an event emitter that every client has. */
export interface Emitter {
  // oxlint-disable-next-line typescript/no-explicit-any -- each event has arguments of its own
  on(event: string, listener: (...args: any[]) => void): unknown
  // oxlint-disable-next-line typescript/no-explicit-any
  off(event: string, listener: (...args: any[]) => void): unknown
}

/** A connection that a port opens, for its subscriptions or for acknowledgements. */
export interface Subscriber {
  readonly ready: boolean
  /** Connects, unless that is under way. What comes of it is told by the events. */
  start(): void
  /** Resolves when the server has confirmed it. Called only when ready; must be idempotent. */
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  /** Asks the server something that it answers, though it be subscribed to the channel already. */
  probe?(channel: string): Promise<unknown>
  /** Gives up a connection that does not answer for another one. */
  reset?(): void
  /** Not of a cluster. */
  readonly pipeline?: Pipeline
  end(): void
}

/** How a subscriber tells what happens to it. */
export interface SubscriberEvents {
  readonly message: (channel: string, message: string) => void
  /** Connected, for the first time or again. */
  readonly ready: () => void
  /** Something went wrong. The client goes on trying. */
  readonly error: (error: unknown) => void
  /** The client has given up. */
  readonly ended: (error: unknown) => void
}

/** Makes a subscriber, which does not connect before it is started. */
export type Open = (events: SubscriberEvents) => Subscriber

/** The two ways to run a script. */
export interface Runner {
  byHash(sha1: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  byText(lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** A command without keys. Of a cluster only its nodes have it. */
  command?(words: readonly string[]): Promise<unknown>
}

/** What is particular to a client. */
export interface Adapter extends Runner {
  readonly kind: string
  readonly cluster?: boolean
  /** Of the client's configuration. */
  readonly keyPrefix?: string | undefined
  readonly ready: () => boolean
  /** Has `check` called whenever the client may have become ready, until that is stopped. */
  readonly watch: (check: () => void) => () => void
  /** Has `end` called whenever somebody has ended the client, until that is stopped. Missing where `open` sees to it. */
  readonly ended?: (end: () => void) => () => void
  /** Whether the client was ended, and is not connected again. */
  readonly over?: () => boolean
  /** What has to be done before it connects at all, or why it never will; undefined if nothing is known. */
  readonly state?: () => string | undefined
  readonly lastError?: LastError
  /** Connects a client that waits for its first use; does nothing where that is no habit. */
  readonly start: () => void
  readonly open: Open
  /** Writes in one go what is run in the callback. Missing where the client does so by itself. */
  readonly atOnce?: (work: () => void) => void
  /** A connection for scripts and WAIT, on which nothing is kept for later. Missing where there is none. */
  readonly second?: Open
  /** Of a cluster: the servers that have names of their own, at this moment. */
  readonly nodes?: () => Promise<readonly Runner[]>
}

/** How long a connection for messages may take to be made, and the server to answer on it, ms. */
export const PATIENCE_MS = 4000

const clientEnded = (): Error => new Error('The client was ended.')

/** Does nothing: for rejections whose outcome is told in another way. */
export const nothing = (): void => {}

/** Watches a client that tells by an event that it is ready. */
export const told =
  (client: Emitter, event = 'ready'): Adapter['watch'] =>
  (check) =>
    listen(client, event, check)

/** Looks again and again, for a client that tells nobody. Only a command that waits has it look. */
export const looked: Adapter['watch'] = (check) => {
  const timer = setInterval(check, 50)
  timer.unref()
  return () => clearInterval(timer)
}

/** Makes a port of an adapter. */
export function portOf(adapter: Adapter): Port {
  const waits = readiness(adapter)
  const subscriptions = subscribing(adapter)
  const nodes = adapter.nodes?.bind(adapter)
  const acknowledged = adapter.second && acknowledging(adapter.second)
  return {
    kind: adapter.kind,
    cluster: adapter.cluster ?? false,
    keyPrefix: adapter.keyPrefix ?? '',
    get ready(): boolean {
      return adapter.ready()
    },
    trouble: () => ({ state: adapter.state?.(), error: adapter.lastError?.error }),
    onReady: waits.onReady,
    run: runBy(adapter, adapter.cluster ? undefined : ofACluster),
    ...(adapter.atOnce ? { atOnce: adapter.atOnce } : {}),
    ...(acknowledged ? { runAcknowledged: acknowledged.run } : {}),
    ...(adapter.cluster ? {} : commandOf(adapter)),
    ...(nodes ? { nodes: async () => (await nodes()).map(nodeOf) } : {}),
    subscribe: subscriptions.subscribe,
    close: async () => {
      waits.close()
      adapter.lastError?.close()
      subscriptions.close()
      acknowledged?.close()
    },
  }
}

const runBy =
  (runner: Runner, explain = (error: unknown): unknown => error): Port['run'] =>
  async (script, keys, args) => {
    try {
      return (await runner.byHash(script.sha1, keys, args)) as Reply
    } catch (error) {
      if (!unknownScript(error)) throw explain(error)
      return (await runner.byText(script.lua, keys, args)) as Reply
    }
  }

/** A client of one server does not go where it is sent, and would be sent there each time. */
function ofACluster(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error)
  // As the server says it, or as GLIDE does.
  if (!/^(?:An error was signalled by the server: - )?MOVED:? \d+ /i.test(message)) return error
  const { code, message: why } = ofOneServer('the name belongs to another one')
  return new HoldfastError(code, `${why}: ${message}`, { cause: error })
}

/** The server is one of a Cluster, and its client is not. */
export function ofOneServer(why: string): HoldfastError {
  return new HoldfastError(
    'ERR_CONFIG',
    `the server is one of a Cluster, and ${why}: give Holdfast a client of the Cluster ` +
      `(docs/clients.md), and not of one server`,
  )
}

const commandOf = (runner: Runner): Pick<PortNode, 'command'> => {
  const command = runner.command?.bind(runner)
  return command ? { command } : {}
}

const nodeOf = (runner: Runner): PortNode => ({ run: runBy(runner), ...commandOf(runner) })

function readiness({ ready, watch, start }: Adapter): {
  onReady: Port['onReady']
  close(): void
} {
  const open = new Set<() => void>()
  return {
    onReady: (callback) => {
      let unwatch = nothing
      const stop = (): void => {
        open.delete(stop)
        unwatch()
      }
      const fire = (): void => {
        // The microtask cannot be taken back otherwise.
        if (!open.has(stop)) return
        stop()
        callback()
      }
      open.add(stop)
      if (ready()) {
        queueMicrotask(fire)
      } else {
        unwatch = watch(() => {
          if (ready()) fire()
        })
        start()
      }
      return stop
    },
    close: () => {
      for (const stop of open) stop()
    },
  }
}

/** One subscription. It is live once the server has confirmed it for the first time. */
interface Entry {
  readonly channel: string
  readonly events: SubscriptionEvents
  live: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

function subscribing({ open, ended, over }: Adapter): {
  subscribe: Port['subscribe']
  close(): void
} {
  const entries = new Set<Entry>()
  let own: Subscriber | undefined
  let unwatch = nothing
  let connection = 0
  // The connection that is being asked whether it is alive.
  let probed = 0
  // Suspected anew meanwhile: the answer may be older than that.
  let anew = false
  let closed = false

  const fail = (entry: Entry, error: unknown): void => {
    if (!entries.delete(entry)) return
    if (entry.live) entry.events.onEnd?.()
    else entry.reject(error)
  }
  const failAll = (error: unknown): void => {
    for (const entry of entries) fail(entry, error)
  }

  /** Whoever does not answer in time is left. */
  const answer = async (subscriber: Subscriber, asked: Promise<unknown>): Promise<void> => {
    const mine = connection
    const timer = setTimeout(() => {
      if (mine === connection && subscriber.ready && !closed) subscriber.reset?.()
    }, PATIENCE_MS)
    timer.unref()
    await asked.finally(() => clearTimeout(timer))
  }

  const suspect = async (channel: string): Promise<void> => {
    if (!own?.ready || !own.probe || closed) return
    if (probed === connection) {
      anew = true
      return
    }
    const mine = (probed = connection)
    anew = false
    // A refusal is an answer as well.
    await answer(own, own.probe(channel)).catch(nothing)
    if (probed !== mine) return
    probed = 0
    if (anew) await suspect(channel)
  }

  const confirm = async (subscriber: Subscriber, entry: Entry): Promise<void> => {
    const mine = connection
    try {
      await answer(subscriber, subscriber.subscribe(entry.channel))
    } catch (error) {
      // After a break the next connection asks again; anything else is the server's answer.
      if (mine === connection && subscriber.ready) fail(entry, error)
      return
    }
    // A client may send a command of an old connection again and confirm it late.
    if (mine !== connection || !entries.has(entry)) return
    if (entry.live) return entry.events.onGap()
    entry.live = true
    entry.resolve()
  }

  const opened = (): Subscriber => {
    const mine: Subscriber = open({
      message: (channel, message) => {
        for (const entry of entries) if (entry.channel === channel) entry.events.onMessage(message)
      },
      ready: () => {
        // A client that was ended while it connected may connect all the same.
        if (closed || own !== mine) return mine.end()
        connection += 1
        for (const entry of entries) void confirm(mine, entry)
      },
      error: (error) => {
        // Clients try again even then, for ever, and nothing but a person can help.
        const final = /\b(NOAUTH|WRONGPASS|NOPERM)\b/.test(String(error))
        if (final && own === mine) failAll(error)
      },
      ended: (error) => {
        if (own === mine) failAll(error)
      },
    })
    return mine
  }

  /**
   * Who ends the client means this connection too: it would keep the process alive. If the client is
   * connected again there will be another one: not every client can be ended and connected at any moment.
   */
  const rest = (): void => {
    unwatch()
    const ending = own
    own = undefined
    ending?.end()
    failAll(clientEnded())
  }

  const close = (entry: Entry): void => {
    if (!entries.delete(entry) || own === undefined) return
    for (const other of entries) if (other.channel === entry.channel) return
    // Not awaited: a server that does not answer must not hold up a close.
    own.unsubscribe(entry.channel).catch(nothing)
  }

  return {
    subscribe: async (channel, itsEvents): Promise<Subscription> => {
      if (closed) throw new HoldfastError('ERR_CLOSED', 'This port is closed.')
      // A connection of our own would come back, and nobody end it.
      if (over?.()) throw clientEnded()
      if (own === undefined) {
        own = opened()
        unwatch = ended?.(rest) ?? nothing
      }
      const subscriber = own
      const entry = await new Promise<Entry>((resolve, reject) => {
        const created: Entry = {
          channel,
          events: itsEvents,
          live: false,
          resolve: () => resolve(created),
          reject,
        }
        entries.add(created)
        if (subscriber.ready) void confirm(subscriber, created)
        else subscriber.start()
      })
      return { close: async () => close(entry), suspect: () => void suspect(channel) }
    },
    close: () => {
      if (closed) return
      closed = true
      unwatch()
      failAll(new HoldfastError('ERR_CLOSED', 'This port was closed while it subscribed.'))
      entries.clear()
      own?.end()
    },
  }
}
