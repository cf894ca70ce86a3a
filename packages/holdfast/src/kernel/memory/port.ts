import type { Port, Script, Subscription, SubscriptionEvents } from '../../clients/port.js'
import { MemoryServer, type MemoryServerOptions } from './server.js'

/** Subscribes, and again after each restart of the server, as real clients do. */
function subscribeAgain(
  server: MemoryServer,
  channel: string,
  events: SubscriptionEvents,
): () => void {
  let open = true
  const whenOpen = (then: () => void): void => {
    queueMicrotask(() => {
      if (open) then()
    })
  }
  const onMessage = (message: string): void => whenOpen(() => events.onMessage(message))
  const onDrop = (): void =>
    whenOpen(() => {
      unsubscribe = server.subscribe(channel, onMessage, onDrop)
      events.onGap()
    })
  let unsubscribe = server.subscribe(channel, onMessage, onDrop)
  return () => {
    open = false
    unsubscribe()
  }
}

/**
 * A port to a server in memory. It is always ready; replies and messages come asynchronously, in
 * microtasks.
 */
export function memoryPort(server: MemoryServer): Port {
  const subscriptions = new Set<() => void>()
  return {
    kind: 'memory',
    ready: true,
    onReady(callback: () => void): () => void {
      let wanted = true
      queueMicrotask(() => {
        if (wanted) callback()
      })
      return () => {
        wanted = false
      }
    },
    async run(script: Script, keys: readonly string[], args: readonly string[]) {
      await Promise.resolve()
      return server.execute(script.name, keys, args)
    },
    async subscribe(channel: string, events: SubscriptionEvents): Promise<Subscription> {
      await Promise.resolve()
      const end = subscribeAgain(server, channel, events)
      subscriptions.add(end)
      return {
        close: async () => {
          subscriptions.delete(end)
          end()
        },
      }
    },
    close: async () => {
      for (const end of subscriptions) end()
      subscriptions.clear()
    },
  }
}

/** A port to a new one. */
export function newServer(options: MemoryServerOptions): Port {
  return memoryPort(new MemoryServer(options))
}
