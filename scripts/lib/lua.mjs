import { createHash } from 'node:crypto'

/**
 * Drops what the server need not read. A trailing comment goes only when nothing after it could
 * end a string: ` -- ` inside a quoted text stays as it is.
 */
function strip(text) {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^--(?!\[=*\[)/.test(line))
    .map((line) => line.replace(/\s+-- [^'"\]]*$/, ''))
    .join('\n')
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
 * @returns {{ key: string, name: string, sha1: string, lua: string }[]} sorted by name
 */
export function bundleLua(files) {
  const names = [...files.keys()].filter((name) => !name.startsWith('_')).toSorted()
  return names.map((name) => {
    if (!/^[a-z][\w-]*$/i.test(name)) throw new Error(`${name}.lua: letters, digits, _ and - only`)
    const lua = strip(expand(name, files, new Set(), []))
    if (/--\[=*\[/.test(lua)) throw new Error(`${name}.lua: write comments as lines of --`)
    return { key: camel(name), name, sha1: createHash('sha1').update(lua).digest('hex'), lua }
  })
}
