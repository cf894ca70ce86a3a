// One of two processes that hand a lock to each other.
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../lib/clock.mjs'

/** Long enough that whoever waits is in line. */
const parkedMs = 3

let lock = null
let handle = null
let arrived = null

/** Side 0 begins with it. */
export async function pair(open, { name, side }) {
  lock = open.pair ? await open.pair(name, side) : open.lock(name)
  handle = side === 0 && !open.pair ? await lock.acquire() : null
}

/** Asks for it, and is soon in line. */
export async function pairStand() {
  arrived = lock.acquire().then((own) => {
    const at = now()
    handle = own
    return at
  })
  await sleep(parkedMs)
}

/** @returns {Promise<number>} when it began to hand over */
export async function pairSend() {
  const at = now()
  const own = handle
  handle = null
  await lock.release(own)
  return at
}

/** @returns {Promise<number>} when it had the lock */
export const pairArrived = () => arrived
