/** For the search of deadlocks: the twins of `kernel/lua/edge.lua` and `waits.lua`. */
import type { Operation } from './operations.js'
import { bareInfo } from './record.js'

export const edge: Operation = {
  fields: 2,
  run(n, field) {
    const owner = field(1)
    const r = n.held(owner) === null ? null : n.record(owner)
    if (r === null) return ['gone']
    const info = bareInfo(r.info) + field(2)
    if (info !== r.info) n.write(owner, { ...r, info })
    n.settle()
    return ['noted']
  },
}

export const waits: Operation = {
  fields: 1,
  run(n, field, { space }) {
    const owner = field(1)
    const r = space.zset(n.line).score(owner) === null ? null : n.record(owner)
    const text = r !== null && !n.dead(owner, r) ? (n.records.get(owner) ?? '') : ''
    const [count, holders] = n.holders()
    return ['waits', text, count, n.withheld ? 1 : 0, holders]
  },
}
