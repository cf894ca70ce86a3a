/** The twin of `kernel/lua/all.lua`. */
import type { Reply } from '../../clients/port.js'
import { askedFor, refused, stay, type Asked } from './acquire.js'
import { attempt, type Call, type Item } from './call.js'
import { Name } from './name.js'
import type { Together } from './operations.js'

/** A name that its owner can have, or has. */
interface Part {
  readonly n: Name
  readonly owner: string
  readonly asked: Asked
  readonly mine: number | null
}

function look(
  { keys, field }: Item,
  call: Call,
  seen: Set<string>,
): { part: Part } | readonly Reply[] {
  const n = new Name(call, keys)
  const owner = field(1)
  if (seen.has(n.k)) return ['error', `this version takes each name once: ${n.k}`]
  seen.add(n.k)
  const asked = askedFor(n, field, call)
  if (!('record' in asked)) return asked
  const wrong = refused(n, owner, asked, false)
  if (wrong) return wrong
  const mine = n.held(owner)
  if (mine === null) {
    const { mode } = asked.record
    if (mode !== 'x') n.look()
    // One that stands in line would be granted this name alone.
    if (n.waiting > 0 && call.space.zset(n.line).score(owner) === null) n.advance(owner)
    if (n.waiting > 0 || !n.fits(mode, asked.weight)) {
      n.settle()
      n.want()
      return ['taken', ...n.holder(mode, asked.weight)]
    }
  }
  return { part: { n, owner, asked, mine } }
}

export const all: Together = {
  fields: 12,
  grants: true,
  together(items, call) {
    const seen = new Set<string>()
    // First every name is looked at. Nothing is granted to who asks.
    const looks = items.map((item) => attempt(call, item.keys, () => look(item, call, seen)))
    let complete = looks.every((one) => 'part' in one)
    return looks.map((one, i) => {
      if (!('part' in one)) return one
      const { n, owner, asked, mine } = one.part
      const reply = attempt(call, items[i]!.keys, () => {
        if (mine !== null) {
          const [status, ...lease] = stay(n, owner, asked, mine)
          return [complete ? status! : 'held', ...lease]
        }
        const granted = complete ? n.enter(owner, asked.record, asked.ends) : null
        n.settle()
        return granted ?? ['free']
      })
      complete &&= reply[0] === 'granted'
      return reply
    })
  },
}
