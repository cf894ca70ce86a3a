import type { Holdfast } from '../../src/index.js'
import { World } from '../kit/world.js'

/** Two clients of one simulated world, and what is asked of them all. */
export function two(): { w: World; a: Holdfast; b: Holdfast } {
  const w = new World()
  return { w, a: w.client().locks, b: w.client().locks }
}

/** What a promise rejects with; 'nothing' if it does not. */
export { refusal } from '../reentrant/kit.js'
