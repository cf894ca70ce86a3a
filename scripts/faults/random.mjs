/**
 * The same sequence for the same seed.
 *
 * @param {number} seed any integer
 */
export function seeded(seed) {
  // mulberry32
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  return {
    /** An integer from 0 to below `limit`. */
    below: (limit) => Math.floor(next() * limit),
    /** Between the two, short ones as often as long ones. */
    between: (least, most) => Math.round(least * (most / least) ** next()),
    pick: (list) => list[Math.floor(next() * list.length)],
  }
}

/** HOLDFAST_SEED plays a run's choices again; else each run makes its own. */
export const anySeed = () => Number(process.env.HOLDFAST_SEED || Date.now() % 1_000_000_000)
