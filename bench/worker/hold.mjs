// Many locks held at once, each on a name of its own, as a user holds them who keeps them for long.
import { now } from '../lib/clock.mjs'

/** What the subject gave for each. */
let kept = []
/** As many at a time as a busy server would ask for. */
const atOnce = 512

async function each(list, work) {
  let next = 0
  const loop = async () => {
    while (next < list.length) await work(list[next++])
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, loop))
}

/** @returns {Promise<{ ms: number, held: number, error: string | null }>} */
export async function hold(open, { prefix, count, from = 0 }) {
  let error = null
  const names = Array.from({ length: count }, (_, i) => from + i)
  const start = now()
  await each(names, async (i) => {
    try {
      kept.push(await open.hold(`${prefix}:${i}`))
    } catch (reason) {
      error ??= String(reason?.message ?? reason)
    }
  })
  return { ms: now() - start, held: kept.length, error }
}

/** @returns {Promise<{ ms: number, errors: number }>} */
export async function letGo(open) {
  const all = kept
  kept = []
  let errors = 0
  const start = now()
  await each(all, (one) => Promise.resolve(open.letGo(one)).catch(() => errors++))
  return { ms: now() - start, errors }
}

/** What this process uses when the collector has done its work. It is begun with --expose-gc. */
export async function memory() {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc()
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, rss }
}
