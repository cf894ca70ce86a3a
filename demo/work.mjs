// What every waiter does, in a child process or (embedded) in the only one.
import { setMaxListeners } from 'node:events'
import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'

// Owner ids whose grant came as a message from the last holder's release.
const pushed = new Set()
subscribe('holdfast:granted', (grant) => {
  if (grant.pushed) pushed.add(grant.owner)
})

const LEAST_MS = 20
const SPAN_MS = 60

/** One clock for all processes of a machine, in ns. A double holds it for 100 days of uptime. */
export const clock = () => Number(process.hrtime.bigint())

/** Aborts when the work is to end. So many waits on one signal are meant, and no leak. */
export function stopper() {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/** The locks take turns among the waiters, so that one that is stuck holds up only its own. */
export const nameFor = (names, process, waiter) => names[(process + waiter) % names.length]

/** With --sabotage: what looks like a lock, and locks nothing. */
const noLock = { fence: null, owner: '', signal: new AbortController().signal }
const unlocked = (fn) => fn(noLock)

/**
 * Takes its lock again and again until `stop` aborts, and adds 1 to the lock's counter: on purpose
 * not atomically, so that the counter shows whether it was alone.
 */
export async function work({ locks, counters, name, who, ttl, report, stop, sabotage }) {
  const mutex = locks.mutex(name, { ttl, label: who })
  const use = sabotage ? unlocked : (fn) => mutex.use(fn, { signal: stop })
  while (!stop.aborted) {
    let left = null
    try {
      await use(async (lock) => {
        const common = { name, who, fence: lock.fence, pushed: pushed.delete(lock.owner) }
        report({ type: 'enter', ...common, at: clock() })
        const wrote = await addOne(lock, name, counters).finally(() => {
          left = { type: 'leave', name, who, wrote: false, at: clock() }
        })
        left.wrote = wrote
      })
    } catch (error) {
      if (!stop.aborted) {
        report({ type: 'trouble', who, message: error.message })
        await sleep(100)
      }
    }
    // After the release: a report takes longer than a hand-over.
    if (left) report(left)
    await sleep(SPAN_MS * Math.random())
  }
}

async function addOne(lock, name, counters) {
  const value = await counters.get(name)
  await sleep(LEAST_MS + SPAN_MS * Math.random())
  lock.signal.throwIfAborted()
  await counters.set(name, value + 1)
  return true
}
