import type { HeldBy, LockState, WaitingFor } from 'holdfast'
import { shorten } from './text.js'

/** Columns of a label, and of a host: what is longer is shortened in the middle. */
const MOST = 40

/** Who that is: label, host and process, as far as they were said. No owner id. */
export function whoOf(who: {
  readonly mode?: string
  readonly label?: string
  readonly host?: string
  readonly pid?: number
}): string {
  if (who.mode === 'foreign') return '(another library)'
  const where = who.host === undefined ? '' : `${shorten(who.host, MOST)}:${who.pid ?? '?'}`
  if (who.label === undefined) return where === '' ? '(unknown)' : where
  const label = shorten(who.label, MOST)
  return where === '' ? label : `${label} (${where})`
}

/** How it is held or waited for: `exclusive`, `shared`, `3 permits`. */
export function modeOf({ mode, permits }: HeldBy | WaitingFor): string {
  return mode === 'permits' ? `${permits} permit${permits === 1 ? '' : 's'}` : mode
}

/** A time in at most six columns: `850ms`, `9.3s`, `45s`, `3m07s`, `2h05m`, `4d03h`. */
export function spanOf(ms: number | null): string {
  if (ms === null) return '-'
  if (ms < 1000) return `${ms}ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s}s`
  const two = (n: number): string => String(n).padStart(2, '0')
  const [m, h, d] = [Math.floor(s / 60), Math.floor(s / 3600), Math.floor(s / 86_400)]
  if (h < 1) return `${m}m${two(s % 60)}s`
  if (d < 1) return `${h}h${two(m % 60)}m`
  return `${d}d${two(h % 24)}h`
}

/** Who holds a name, on one line: the first, and how many more. */
export function heldBy(state: LockState): string {
  const [first] = state.holders
  if (!first) return state.holderCount > 0 ? `${state.holderCount} holders` : '-'
  const more = state.holderCount - 1
  return more > 0 ? `${whoOf(first)} +${more}` : whoOf(first)
}
