// Slices in turns: in each round every subject has one, and each round begins with another subject, so that
// whatever else the machine does meets them all.

/** After so many failures in a row a subject has no more slices. */
const mostFailures = 2

/**
 * @param {object} bench
 * @param {import('../subjects/index.mjs').Subject[]} subjects
 * @param {object} how
 * @param {number} how.rounds
 * @param {(subject) => number} [how.roundsOf] how many of them are enough for a subject
 * @param {(subject) => Promise<object>} how.slice one slice of one subject: its figures
 * @param {(subject) => Promise<object>} [how.extra] once, after the rounds: figures that are not timed
 * @param {(subject) => Promise<void>} [how.begin] before its first slice, and again after it failed
 * @param {(subject) => Promise<void>} [how.end]
 * @returns {Promise<Row[]>}
 *
 * @typedef {object} Row of one subject
 * @property {string} subject
 * @property {(object | null)[]} rounds null where the slice failed or there was no time for it
 * @property {object | null} extra
 * @property {string[]} errors
 * @property {string | null} skipped why it was not measured at all
 */
export async function interleave(bench, subjects, { rounds, roundsOf, slice, extra, begin, end }) {
  const rows = subjects.map((subject) => ({
    row: {
      subject: subject.id,
      rounds: [],
      extra: null,
      errors: [],
      skipped: bench.missing(subject),
    },
    subject,
    begun: false,
    failures: 0,
  }))
  let late = false
  const attempt = async (state, work) => {
    const { row, subject } = state
    late ||= bench.late()
    if (row.skipped !== null || late || state.failures >= mostFailures) return null
    try {
      if (!state.begun) await begin?.(subject)
      state.begun = true
      const figures = await work(subject)
      state.failures = 0
      return figures
    } catch (error) {
      state.failures++
      state.begun = false
      const text = `${error.message}`.slice(0, 300)
      if (!row.errors.includes(text)) row.errors.push(text)
      return null
    }
  }
  let done = 0
  for (; done < rounds; done++) {
    // The first round is held if the whole run is not late, so that every figure is there once.
    if (done > 0 && bench.over()) break
    for (let i = 0; i < rows.length; i++) {
      const state = rows[(i + done) % rows.length]
      if (roundsOf && done >= roundsOf(state.subject)) continue
      state.row.rounds.push(await attempt(state, slice))
    }
  }
  for (const state of rows) {
    if (extra) state.row.extra = await attempt(state, extra)
    if (state.begun && end) await end(state.subject).catch(() => {})
  }
  if (late) bench.note('the time for the whole run was over before all of it was measured')
  else if (done < rounds) bench.note(`only ${done} of ${rounds} rounds: the time was over`)
  return rows.map(({ row }) => row)
}
