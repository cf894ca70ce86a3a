// Figures as text.
import { spread } from '../lib/stats.mjs'

/** About three digits; thousands with a comma. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const digits = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.095 ? 2 : 4
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}

/** The median and, of several rounds, the least and the most. */
export function withSpread(list, scale = 1) {
  const found = spread(list.map((value) => (Number.isFinite(value) ? value * scale : null)))
  if (found === null) return '–'
  const { median, min, max, rounds } = found
  return rounds === 1 ? figure(median) : `${figure(median)} [${figure(min)}–${figure(max)}]`
}

export const percent = (value) => (Number.isFinite(value) ? `${figure(value * 100)} %` : '–')

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ')

/** @param {string[]} head the first column is text, the others are figures */
export function table(head, rows, { texts = 1 } = {}) {
  const rule = head.map((_, i) => (i < texts ? '---' : '---:'))
  return [head, rule, ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}
