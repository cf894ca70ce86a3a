import { OUTCOMES } from './cycles.mjs'
import { settled } from './left-over.mjs'

const HEAP_MB = 4
// The line of a name whose waiters were all killed lives for ten seconds more than their leases.
const KEYS_MS = 30_000

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0)
const mean = (numbers) => sum(numbers) / numbers.length

/**
 * What the processes and the server say at the end. Those that were killed have nothing to say.
 *
 * @returns {Promise<string[]>} what is wrong
 */
export async function verdict({ admin, workers, ledger, codes }) {
  const found = ledger.violations.slice(0, 20)
  const wrong = (text) => void found.push(text)
  if (codes === null) wrong('a process did not end by itself')
  codes?.forEach(([code], i) => code === 0 || wrong(`process ${i} ended with ${code}`))

  workers.living.forEach(({ end, heaps }, i) => {
    if (end === null) return wrong(`process ${i} said nothing at its end`)
    for (const what of Object.keys(end.tally.counts)) {
      if (!OUTCOMES.includes(what)) wrong(`process ${i}: ${what}`)
    }
    const { bare, closed } = end
    for (const what of ['timers', 'sockets', 'clients', 'signals']) {
      const [was, is] = [String(bare[what]), String(closed[what])]
      if (was !== is) wrong(`process ${i}: ${is} ${what}, and ${was} at the beginning`)
    }
    // The first readings are of a process that is warming up; and each catches calls under way.
    const third = Math.floor(heaps.length / 3)
    if (third >= 2) {
      const grown = (mean(heaps.slice(-third)) - mean(heaps.slice(third, 2 * third))) / 1e6
      if (grown > HEAP_MB) wrong(`process ${i}: the heap grew by ${grown.toFixed(1)} MB`)
    }
  })

  const keys = async () => (await admin.keys('*')).filter((key) => !key.includes(':hf:fence:'))
  const others = async () => (await keys()).filter((key) => !key.startsWith('counter:'))
  if (!(await settled(async () => (await others()).length === 0, KEYS_MS))) {
    wrong(`keys are left: ${(await others()).join(' ')}`)
  }
  const counters = (await keys()).filter((key) => key.startsWith('counter:'))
  const values = await Promise.all(counters.map((key) => admin.hget(key, 'value')))
  const counted = sum(values.map(Number))
  const { done, unknown } = workers.writes
  if (done === 0) wrong('nothing was counted')
  if (counted < done || counted > done + unknown) {
    wrong(`the counters say ${counted}: ${done} writes are confirmed, ${unknown} more are unknown`)
  }
  return found
}
