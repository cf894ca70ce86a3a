import type { Mode, Who } from '../../src/model.js'

/** A length of time in about six characters: `850ms`, `9.3s`, `45s`, `3m 07s`, `2h 05m`, `4d 03h`. */
export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 0) return `-${span(-ms)}`
  if (ms > 0 && ms < 10) return `${Number(ms.toFixed(1))}ms`
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s}s`
  const [m, h, d] = [Math.floor(s / 60), Math.floor(s / 3600), Math.floor(s / 86_400)]
  if (h < 1) return `${m}m ${two(s % 60)}s`
  if (d < 1) return `${h}h ${two(m % 60)}m`
  return `${d}d ${two(h % 24)}h`
}

/** The same of a bound, which is round: `5s`, not `5.0s`. */
export const round = (ms: number): string => span(ms).replace(/\.0(?=s)|(?<=[mhd]) 00.$/, '')

/** The same for text that is read and not compared: whole seconds from one second on, so that it does not flicker. */
export function age(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  return ms < 1000
    ? '0s'
    : span(ms < 10_000 ? Math.floor(ms / 1000) * 1000 : ms).replace('.0s', 's')
}

const two = (n: number): string => String(n).padStart(2, '0')

/** `12,345`. Not by Intl, the first use of which takes a new page some tens of milliseconds. */
export const count = (n: number | null | undefined): string =>
  n === null || n === undefined ? '–' : String(n).replace(/\B(?=(\d{3})+$)/g, ',')

/** `1 lock`, `2 locks`. */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`

/** The local time of day, with the day where it is not today. */
export function clock(at: number, now: number): string {
  const date = new Date(at)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  if (date.toDateString() === new Date(now).toDateString()) return time
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`
}

let segments: Intl.Segmenter | undefined

/**
 * Text with its middle left out, where it has more than `most` characters as a reader counts them: names that differ
 * often do so at an end.
 */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text
  // A name may be long: look only at its ends.
  const cut = most * 16
  const ends = text.length > 2 * cut ? text.slice(0, cut) + text.slice(-cut) : text
  segments ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  const parts = [...segments.segment(ends)].map(({ segment }) => segment)
  if (parts.length <= most) return text
  const head = Math.ceil((most - 1) / 2)
  return `${parts.slice(0, head).join('')}…${parts.slice(parts.length - (most - 1 - head)).join('')}`
}

/**
 * Control characters, spaces at an end, and what would turn the direction of the text around it or is not seen at all, as
 * their numbers: two names that differ look different.
 */
export function visible(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex
    /^\s+|\s+$|[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (found) =>
      Array.from(found, (one) => `‹${(one.codePointAt(0) ?? 0).toString(16).toUpperCase()}›`).join(
        '',
      ),
  )
}

/** `host:pid`, or null where neither was said. */
export function place(who: Who): string | null {
  if (who.host === undefined) return who.pid === undefined ? null : `pid ${who.pid}`
  return who.pid === undefined ? who.host : `${who.host}:${who.pid}`
}

/** The whole of a person on one line, for titles and sentences. */
export function whoText(who: Who | null): string {
  if (!who) return 'nobody'
  const at = place(who)
  if (who.label === undefined) return at ?? 'unknown'
  return at === null ? who.label : `${who.label} (${at})`
}

export function modeText(mode: Mode | null, permits?: number): string {
  if (mode === null) return 'free'
  if (mode === 'permits' && permits !== undefined) return plural(permits, 'permit')
  return mode === 'foreign' ? 'another library' : mode
}
