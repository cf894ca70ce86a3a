import type { Reply } from '../../src/clients/port.js'
import { keysOf } from '../../src/kernel/names.js'
import { decodeRecord, type Mode } from '../../src/kernel/protocol.js'
import type { World } from '../kit/world.js'

interface Part {
  readonly who: string
  readonly mode: Mode
  readonly weight: number
}

interface Name {
  holders: Part[]
  line: Part[]
  readonly limit: number
}

function parts(list: Reply | undefined): Part[] {
  const flat = (list as Reply[]).map(String)
  const found: Part[] = []
  for (let i = 2; i < flat.length; i += 3) {
    const { label, mode, weight } = decodeRecord(flat[i]!)!
    found.push({ who: label!, mode, weight })
  }
  return found
}

function fits({ holders, limit }: Name, { mode, weight }: Part): boolean {
  if (holders.length === 0) return true
  if (mode === 'x' || holders.some((one) => one.mode !== mode)) return false
  return mode === 's' || holders.reduce((sum, one) => sum + one.weight, weight) <= limit
}

/**
 * Who can never go on, by what the server has: whoever does not wait is thought to end and let go
 * everything, then the lines move, and so on. Labels say who is who; each waits for one name at a time.
 */
export function stuckForEver(w: World, prefix: string, all: readonly string[]): Set<string> {
  const names = all.map((name): Name => {
    const reply = w.server.execute('inspect', keysOf(name, prefix), ['1']) as Reply[]
    const [, , , , holders, line, limit] = reply[3] as Reply[]
    return { holders: parts(holders), line: parts(line), limit: Number(limit) }
  })
  for (let moved = true; moved;) {
    moved = false
    const waiting = new Set(names.flatMap(({ line }) => line.map(({ who }) => who)))
    for (const name of names) {
      const left = name.holders.filter(({ who }) => waiting.has(who))
      moved ||= left.length < name.holders.length
      name.holders = left
      while (name.line[0] && fits(name, name.line[0])) {
        name.holders.push(name.line.shift()!)
        moved = true
      }
    }
  }
  return new Set(names.flatMap(({ line }) => line.map(({ who }) => who)))
}
