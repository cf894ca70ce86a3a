// Medians, spreads and ratios. Figures of one subject are a list, one entry a round; null where the
// round has none (the subject was skipped, failed or ran out of time).

/** The value below which `part` of a sorted list lies: the nearest rank. */
export function quantile(sorted, part) {
  if (sorted.length === 0) return null
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * part) - 1))]
}

/** Of an even number the mean of the two in the middle; null of none. */
export function median(list) {
  const sorted = known(list).toSorted((a, b) => a - b)
  if (sorted.length === 0) return null
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

export const known = (list) => list.filter((value) => Number.isFinite(value))

/** @returns {{ median: number, min: number, max: number, rounds: number } | null} */
export function spread(list) {
  const values = known(list)
  if (values.length === 0) return null
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    rounds: values.length,
  }
}

/** Of each round that has both: a machine that was slow for a round was slow for both. */
export function ratios(list, base) {
  return list.map((value, round) => {
    const to = base[round]
    return Number.isFinite(value) && Number.isFinite(to) && to !== 0 ? value / to : null
  })
}

/** Sorts in place, as only numbers are: `Float64Array` or a plain list. */
export const ascending = (list) =>
  ArrayBuffer.isView(list) ? list.sort() : list.sort((a, b) => a - b)
