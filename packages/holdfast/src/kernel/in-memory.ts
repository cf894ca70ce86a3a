import type { Port } from '../clients/port.js'
import { memoryKernel } from './parts.js'

/** A port to a server of its own in memory, which is loaded when something is first asked of it. */
export function inMemory(now: (() => number) | undefined): Port {
  const options = now ? { now } : {}
  if (memoryKernel.loaded) return memoryKernel.loaded.newServer(options)
  let port: Port | undefined
  const made = async (): Promise<Port> => {
    const { newServer } = await memoryKernel.load()
    return (port ??= newServer(options))
  }
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
    run: (...asked) => port?.run(...asked) ?? made().then((it) => it.run(...asked)),
    subscribe: (...asked) =>
      port?.subscribe(...asked) ?? made().then((it) => it.subscribe(...asked)),
    close: async () => port?.close(),
  }
}
