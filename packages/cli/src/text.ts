/**
 * Names, labels, hosts and reasons are what others chose: none of it may steer a terminal, hide itself or
 * break a column. What is escaped here is so by `\n`, `\x1b` or `\u{200d}`, and a backslash by itself.
 */

/** Controls, what cannot be seen, blanks that are no space, and what draws on another column than its own. */
const HOSTILE =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}\\]|(?! )\p{Zs}|(?<=^|\p{M}{3})\p{M}/gu

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
}

function escaped(char: string): string {
  const code = char.codePointAt(0)!
  const hex = code.toString(16)
  return SHORT[char] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`)
}

/** As a terminal may see it. */
export function plain(text: string): string {
  return text.replace(HOSTILE, escaped)
}

/** Two columns: East Asian Width W and F, and what is drawn as an emoji. Unicode 16. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1aff0}-\u{1b2fb}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|(?!\p{Regional_Indicator})\p{Emoji_Presentation}/u
/** None: marks on the letter before, and the rest of a Korean syllable. */
const NONE = /[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7ff]/u

/** The columns of one code point that is not escaped. */
function columnsOf(char: string): number {
  if (char <= '~') return 1
  return NONE.test(char) ? 0 : WIDE.test(char) ? 2 : 1
}

/** How many columns a text takes that `plain` has made. */
export function widthOf(shown: string): number {
  let width = 0
  for (const char of shown) width += columnsOf(char)
  return width
}

/** What is never parted: an escape, or a letter with its marks. */
const PIECE = /\\(?:x[0-9a-f]{2}|u\{[0-9a-f]+\}|.)|.[\p{M}\u1160-\u11ff\ud7b0-\ud7ff]*/gsu

/** `plain`, and in at most so many columns. */
export function shorten(text: string, most: number): string {
  return cut(plain(text), most)
}

/** Of what `plain` has made at most so many columns: what is too much is left out of the middle. */
export function cut(shown: string, most: number): string {
  if (widthOf(shown) <= most) return shown
  const pieces = shown.match(PIECE) ?? []
  const room = Math.max(0, most - 1)
  const front = take(pieces, Math.ceil(room / 2))
  const back = take(pieces.toReversed(), Math.floor(room / 2))
  return `${front.join('')}…${back.toReversed().join('')}`
}

function take(pieces: readonly string[], room: number): string[] {
  let left = room
  const end = pieces.findIndex((piece) => (left -= widthOf(piece)) < 0)
  return pieces.slice(0, end < 0 ? pieces.length : end)
}

/** A text that `plain` has made, in so many columns at least. */
export function pad(shown: string, width: number, right = false): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(shown)))
  return right ? blanks + shown : shown + blanks
}

/** JSON that a terminal may see: JSON itself lets through DEL, the controls from 0x80 on, and what turns a line around. */
export function jsonOf(value: unknown): string {
  const text = JSON.stringify(value, (key, one: unknown) =>
    // As everywhere: a number of this size is not every reader's.
    key === 'fence' && typeof one === 'number' ? String(one) : one,
  )
  return text.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    Array.from({ length: char.length }, (_, i) => char.charCodeAt(i).toString(16).padStart(4, '0'))
      .map((hex) => `\\u${hex}`)
      .join(''),
  )
}
