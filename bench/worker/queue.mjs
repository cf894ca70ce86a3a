// Many wait for one name that somebody holds; then it is released.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { now } from '../lib/clock.mjs'

let queue = null

/**
 * They wait when this is over, or as good as.
 *
 * @param {{ name: string, count: number, holds: boolean }} args `holds`: this process has it, else another
 */
export async function queueUp(open, { name, count, holds, settleMs = 500 }) {
  const lock = open.lock(name)
  const handle = holds ? await lock.acquire() : null
  queue = { lock, handle, count, served: 0, failed: 0, overlaps: 0, first: null, last: null }
  let inside = false
  const one = async () => {
    try {
      const own = await lock.acquire()
      queue.last = now()
      queue.first ??= queue.last
      if (inside || queue.handle !== null) queue.overlaps++
      inside = true
      // One turn of the loop, in which another would be seen to have it too.
      await new Promise((resolve) => setImmediate(resolve))
      inside = false
      await lock.release(own)
      queue.served++
    } catch (error) {
      queue.failed++
      queue.error ??= String(error?.message ?? error)
    }
  }
  const start = now()
  const asked = Array.from({ length: count }, one)
  // Until here all of it is one turn of the loop, which nothing else can have.
  const turnMs = now() - start
  queue.all = Promise.all(asked)
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  return { turnMs }
}

/** Releases what queueUp held. @returns {Promise<number>} when */
export async function open() {
  const { lock, handle } = queue
  const at = now()
  queue.handle = null
  await lock.release(handle)
  return at
}

/** When all have been served: how many, and from when to when. */
export async function served() {
  await queue.all
  const { served: count, failed, overlaps, first, last, error = null } = queue
  queue = null
  return { served: count, failed, overlaps, first, last, error }
}

let delay = null

/** From now on: how late the event loop is. */
export function watchLoop() {
  delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
}

/** @returns {{ max: number, p99: number }} ms */
export function loopDelay() {
  delay.disable()
  const ms = (ns) => (Number.isFinite(ns) ? ns / 1e6 : 0)
  return { max: ms(delay.max), p99: ms(delay.percentile(99)) }
}
