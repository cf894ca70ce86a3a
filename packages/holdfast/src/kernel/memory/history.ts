/** The twins of `kernel/lua/history.lua`, `past.lua` and `index.lua`. */
import type { Reply } from '../../clients/port.js'
import { globToRegExp } from './glob.js'
import { WrongType, type Keyspace } from './store.js'

const fields = 9

/** Notes what a client has seen, and which names it holds or waits for. */
export function history(
  space: Keyspace,
  keys: readonly string[],
  args: readonly string[],
  now: number,
): readonly Reply[] {
  let wrong: string | null = null
  let noted = 0
  const attempt = (key: string, kind: string, work: () => void): void => {
    const error = wrongType(key, kind, work)
    wrong ??= error
  }
  const streams = Number(args[1])
  let at = 2
  for (const key of keys.slice(0, streams)) {
    const [most, keep, count] = args.slice(at, at + 3).map(Number) as [number, number, number]
    const first = at + 3
    at = first + fields * count
    attempt(key, 'stream', () => {
      const { last } = space.stream(key)
      let [ms, seq] = last && last.ms >= now ? [last.ms, last.seq] : [now, -1]
      for (let j = first; j < at; j += fields) {
        space.xadd(key, { ms, seq: ++seq, values: args.slice(j, j + fields) })
      }
      space.stream(key).trim(most)
      space.expireAt(key, now + keep)
      noted += count
    })
  }
  const index = keys[streams]
  if (index !== undefined) attempt(index, 'zset', () => mark(space, index, args.slice(at), now))
  return wrong === null ? ['noted', noted] : ['error', wrong]
}

/** What is wrong with a key, whatever was done by then. */
function wrongType(key: string, kind: string, work: () => void): string | null {
  try {
    work()
    return null
  } catch (error) {
    if (!(error instanceof WrongType)) throw error
    return `WRONGTYPE the key ${key} is not a ${kind}`
  }
}

function mark(space: Keyspace, key: string, given: readonly string[], now: number): void {
  trim(space, key, now)
  for (let j = 0; j < given.length; j += 2) {
    if (given[j] === '') space.zrem(key, given[j + 1]!)
  }
  for (let j = 0; j < given.length; j += 2) {
    if (given[j] !== '') space.zadd(key, now + Number(given[j]), given[j + 1]!)
  }
  const top = space.zset(key).at(-1)
  if (top) space.expireAt(key, top.score)
}

function trim(space: Keyspace, key: string, now: number): void {
  const set = space.zset(key)
  for (let first = set.at(0); first && first.score <= now; first = set.at(0)) {
    space.zrem(key, first.member)
  }
}

/** Reads a stream, forwards or backwards. */
export function past(
  space: Keyspace,
  [key = '']: readonly string[],
  [, side, id = '', count]: readonly string[],
): readonly Reply[] {
  const wrong = wrongType(key, 'stream', () => space.stream(key))
  if (wrong !== null) return ['error', wrong]
  const found = space.stream(key).read(side !== 'after', id === '' ? null : id, Number(count))
  return found.flatMap(({ ms, seq, values }) => [`${ms}-${seq}`, ...values])
}

/** Reads the index, all in one step. */
export function index(
  space: Keyspace,
  [key = '']: readonly string[],
  [, , pattern = '']: readonly string[],
  now: number,
): readonly Reply[] {
  const wrong = wrongType(key, 'zset', () => trim(space, key, now))
  if (wrong !== null) return ['error', wrong]
  const set = space.zset(key)
  const match = globToRegExp(pattern)
  const names = set.slice(0, set.size).map(({ member }) => member.slice(9))
  return ['0', ...names.filter((name) => match.test(name))]
}
