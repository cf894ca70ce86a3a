import type { Emitter } from './common.js'

interface Shared {
  readonly callbacks: Set<() => void>
  readonly tell: () => void
}

const known = new WeakMap<Emitter, Map<string, Shared>>()

/**
 * Listens to an event of a client, with one listener for all who do, whatever Holdfast they belong
 * to: Node warns of more than ten.
 *
 * @returns a function that ends it; with the last one the listener goes.
 */
export function listen(emitter: Emitter, event: string, callback: () => void): () => void {
  const events = known.get(emitter) ?? new Map<string, Shared>()
  known.set(emitter, events)
  const { callbacks, tell } = events.get(event) ?? begin(emitter, event, events)
  // The same callback may be given twice.
  const mine = (): void => callback()
  callbacks.add(mine)
  return () => {
    if (!callbacks.delete(mine) || callbacks.size > 0) return
    events.delete(event)
    emitter.off(event, tell)
  }
}

function begin(emitter: Emitter, event: string, events: Map<string, Shared>): Shared {
  const callbacks = new Set<() => void>()
  const tell = (): void => {
    for (const each of callbacks) each()
  }
  const shared = { callbacks, tell }
  events.set(event, shared)
  emitter.on(event, tell)
  return shared
}
