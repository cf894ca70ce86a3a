import type { Runtime } from '../base/runtime.js'
import type { Said } from './gather.js'

/** A list of slots as a node says it. */
function slotsOf(text: string): number[] {
  return text === '' ? [] : text.split(',').map(Number)
}

/** Which slots are free on a majority, as far as the nodes that answered say. */
export function slotsFree(said: readonly Said[], limit: number, quorum: number): number[] {
  const counts = Array<number>(limit).fill(0)
  for (const { answer } of said) {
    if (!answer) continue
    const { verdict } = answer
    const [status] = verdict
    if (status !== 'granted' && status !== 'taken' && status !== 'queued') continue
    const taken = new Set(slotsOf(verdict[verdict.length - 2] ?? ''))
    for (let slot = 0; slot < limit; slot++) if (!taken.has(slot)) counts[slot]!++
  }
  return counts.flatMap((count, slot) => (count >= quorum ? [slot] : []))
}

/** So many of these, at random: who chose the same before will not again. */
export function freeSlots(free: readonly number[], count: number, runtime: Runtime): string {
  const left = [...free]
  const chosen: number[] = []
  while (chosen.length < count) {
    const at = Math.floor(runtime.random() * left.length)
    chosen.push(...left.splice(at, 1))
  }
  return chosen.toSorted((a, b) => a - b).join(',')
}
