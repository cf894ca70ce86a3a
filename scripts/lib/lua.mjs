import { createHash } from 'node:crypto'

/**
 * Drops what the server need not read. A trailing comment goes only when nothing after it could
 * end a string: ` -- ` inside a quoted text stays as it is.
 */
function strip(text) {
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !/^\s*--(?!\[=*\[)/.test(line))
    .map((line) => line.replace(/\s+-- [^'"\]]*$/, '').trimEnd())
}

/**
 * Cuts a script into its functions and what stands between them, and leaves out the functions that
 * nothing uses: the server makes a closure of each at every call.
 */
function pieces(lines) {
  const all = []
  let open = false
  for (const line of lines) {
    const name = /^local function (\w+)/.exec(line)?.[1]
    if (name || !open) all.push({ name, lines: [] })
    all.at(-1).lines.push(line)
    // A function ends at an `end` in the first column, or on its own line; other text goes on.
    open = name ? !/\bend$/.test(line) : line !== 'end' || all.at(-1).name === undefined
  }
  const text = (piece) => piece.lines.map((line) => line.trim()).join('\n')
  // Neither a field of a table nor its key.
  const uses = (piece, name) => new RegExp(`(?<![.\\w])${name}\\b(?! = )`).test(text(piece))
  const kept = new Set(all.filter(({ name }) => name === undefined))
  for (const piece of kept) {
    for (const one of all) if (one.name && !kept.has(one) && uses(piece, one.name)) kept.add(one)
  }
  return all.filter((piece) => kept.has(piece)).map(text)
}

/** Puts parts in the place of their `--@include` lines, each part once per script. */
function expand(name, files, seen, chain) {
  const text = files.get(name)
  if (text === undefined) throw new Error(`${chain.at(-1)}.lua includes ${name}, which is no file`)
  if (chain.includes(name)) throw new Error(`include loop: ${[...chain, name].join(' -> ')}`)
  return text.replace(/^[ \t]*--@include[ \t]+(\S+)[ \t]*$/gm, (_line, part) => {
    if (!part.startsWith('_')) throw new Error(`${name}.lua includes ${part}: parts begin with _`)
    if (chain.includes(part))
      throw new Error(`include loop: ${[...chain, name, part].join(' -> ')}`)
    if (seen.has(part)) return ''
    seen.add(part)
    return expand(part, files, seen, [...chain, name])
  })
}

const camel = (name) => name.replace(/-(\w)/g, (_all, letter) => letter.toUpperCase())

/**
 * Turns Lua sources into scripts ready to send.
 *
 * @param {Map<string, string>} files name without `.lua` -> text
 * @returns {{ key: string, name: string, sha1: string, lua: string, parts: string[] }[]} sorted by
 *   name; the parts, joined by newlines, are the text
 */
export function bundleLua(files) {
  const names = [...files.keys()].filter((name) => !name.startsWith('_')).toSorted()
  return names.map((name) => {
    if (!/^[a-z][\w-]*$/i.test(name)) throw new Error(`${name}.lua: letters, digits, _ and - only`)
    const parts = pieces(strip(expand(name, files, new Set(), [])))
    const lua = parts.join('\n')
    if (/--\[=*\[/.test(lua)) throw new Error(`${name}.lua: write comments as lines of --`)
    const sha1 = createHash('sha1').update(lua).digest('hex')
    return { key: camel(name), name, sha1, lua, parts }
  })
}
