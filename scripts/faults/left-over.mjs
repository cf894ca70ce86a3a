// What a process has that it should give back. Needs --expose-gc.
import { getEventListeners } from 'node:events'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

const listenersOf = (emitter) =>
  emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)

/**
 * Timers, handles, listeners, and the heap after everything was collected that can be.
 *
 * @param {{ clients: object[], signals: AbortSignal[] }} watched
 */
export async function leftOver({ clients, signals }) {
  // Twice, with turns in between: what a finalizer or a settled promise lets go of is freed next.
  for (let i = 0; i < 4; i++) {
    globalThis.gc()
    await turn()
  }
  const resources = process.getActiveResourcesInfo()
  const count = (kind) => resources.filter((one) => one === kind).length
  return {
    timers: count('Timeout'),
    sockets: count('TCPSocketWrap'),
    clients: clients.map(listenersOf),
    signals: signals.map((signal) => getEventListeners(signal, 'abort').length),
    process: listenersOf(process),
    heap: process.memoryUsage().heapUsed,
  }
}

/** Waits until something holds, for what ends by itself; goes on without it after a while. */
export async function settled(check, ms = 15_000) {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(20)) {
    if (await check()) return true
  }
  return false
}
