// Everything at once: so many calls in one turn of the event loop.
import { now } from '../lib/clock.mjs'

let handles = []

/** One name each; all are held when it is over. */
export async function storm(open, { prefix, count }) {
  const locks = Array.from({ length: count }, (_, i) => open.lock(`${prefix}:${i}`))
  const start = now()
  let failed = 0
  let error = null
  const asked = locks.map((lock) =>
    lock.acquire().then(
      (handle) => handles.push({ lock, handle }),
      (reason) => {
        failed++
        error ??= String(reason?.message ?? reason)
      },
    ),
  )
  await Promise.all(asked)
  return { ms: now() - start, failed, error }
}

export async function calm() {
  const all = handles
  handles = []
  const start = now()
  let failed = 0
  await Promise.all(
    all.map(({ lock, handle }) => Promise.resolve(lock.release(handle)).catch(() => failed++)),
  )
  return { ms: now() - start, failed }
}
