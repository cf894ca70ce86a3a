import type { ReentrantMutex } from '../../src/index.js'
import { World, type SimClient } from '../kit/world.js'

/** A world with one client and its re-entrant mutex `x`. */
export function one(): { w: World; a: SimClient; m: ReentrantMutex } {
  const w = new World()
  const a = w.client()
  return { w, a, m: a.locks.mutex('x', { reentrant: true }) }
}

/** A promise that is settled by hand. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** What a promise rejects with; 'nothing' if it does not. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  )
