import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The modules that are loaded with a module: itself, and what it imports, but for what it loads by `import()`. */
export function closure(entry, found = new Set()) {
  if (found.has(entry)) return found
  found.add(entry)
  const text = readFileSync(entry, 'utf8')
  for (const [, name] of text.matchAll(/^(?:import|export|\})[^'"\n]*?['"](\.[^'"]+)['"];?$/gm)) {
    closure(join(dirname(entry), name), found)
  }
  return found
}
