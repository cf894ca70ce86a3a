// The middle of each figure, as soon as a scenario is over.
import { median, ratios } from '../lib/stats.mjs'
import { figure } from './text.mjs'

const list = (row, key) => row.rounds.map((round) => round?.[key] ?? null)

/** Every figure of a row that has no rate of its own, by its name. */
function rest(row) {
  const found = row.rounds.find(Boolean) ?? {}
  return Object.keys(found)
    .filter((key) => typeof found[key] === 'number')
    .map((key) => `${key} ${figure(median(list(row, key)))}`)
    .join('  ')
}

function rate(row, to, unit) {
  const own = list(row, 'perSecond')
  const ratio = to ? `  x ${figure(median(ratios(own, list(to, 'perSecond'))))}` : ''
  const sent = row.extra?.commands === undefined ? '' : `  ${figure(row.extra.commands)} commands`
  return `${figure(median(own)).padStart(10)} ${unit}${ratio}  p50 ${figure(median(list(row, 'p50')))} ms${sent}`
}

export function summary({ rows, base, unit }) {
  const to = rows.find(({ subject }) => subject === base)
  for (const row of rows) {
    const { subject, size, play, what, skipped } = row
    const name = [subject, size, play, what].filter((part) => part !== undefined).join(' ')
    const figures = skipped
      ? `skipped: ${skipped.slice(0, 90)}`
      : unit
        ? rate(row, to, unit)
        : rest(row)
    console.log(`  ${name.padEnd(30)} ${figures}`)
    for (const error of row.errors) console.log(`    ${error}`)
  }
}
