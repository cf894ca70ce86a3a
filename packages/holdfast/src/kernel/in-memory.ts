import type { Port } from '../clients/port.js'
import { memoryKernel } from './parts.js'

/** A port to a server of its own in memory, which has to be loaded before something is asked of it. */
export function inMemory(now: (() => number) | undefined): Port {
  const options = now ? { now } : {}
  if (memoryKernel.loaded) return memoryKernel.loaded.newServer(options)
  let port: Port | undefined
  const made = (): Port => (port ??= memoryKernel.loaded!.newServer(options))
  return {
    kind: 'memory',
    ready: true,
    onReady: (callback) => made().onReady(callback),
    run: (...asked) => made().run(...asked),
    subscribe: (...asked) => made().subscribe(...asked),
    close: async () => port?.close(),
  }
}
