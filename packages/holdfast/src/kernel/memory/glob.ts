const literal = (char: string): string => `\\u{${char.codePointAt(0)?.toString(16)}}`

/** The part of a pattern inside brackets, from `at` on; and where the pattern goes on. */
function charClass(chars: readonly string[], at: number): readonly [source: string, next: number] {
  let i = at
  const negated = chars[i] === '^'
  if (negated) i++
  let source = ''
  for (; i < chars.length && chars[i] !== ']'; i++) {
    if (chars[i] === '\\' && i + 1 < chars.length) source += literal(chars[++i] as string)
    else if (chars[i + 1] === '-' && i + 2 < chars.length) {
      const ends = [chars[i] as string, chars[i + 2] as string].toSorted()
      source += ends.map(literal).join('-')
      i += 2
    } else source += literal(chars[i] as string)
  }
  return [source === '' ? (negated ? '.' : '[]') : `[${negated ? '^' : ''}${source}]`, i + 1]
}

/** A pattern of Redis' MATCH as a regular expression: `*`, `?`, `[a-c]`, `[^a]`, `\*`. */
export function globToRegExp(pattern: string): RegExp {
  const chars = Array.from(pattern)
  let source = ''
  for (let i = 0; i < chars.length;) {
    const char = chars[i++] as string
    if (char === '*') {
      // Many stars mean the same as one, and take a regular expression much longer.
      if (chars[i] !== '*') source += '.*'
    } else if (char === '?') source += '.'
    else if (char === '[') {
      const [part, next] = charClass(chars, i)
      source += part
      i = next
    } else if (char === '\\' && i < chars.length) source += literal(chars[i++] as string)
    else source += literal(char)
  }
  return new RegExp(`^${source}$`, 'su')
}
