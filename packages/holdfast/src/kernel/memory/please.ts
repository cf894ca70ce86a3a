/** What `force` does when it asks nicely. */
import type { Reply } from '../../clients/port.js'
import { tell, type Call, type Field } from './call.js'
import type { Name } from './name.js'
import {
  askedClaimedState,
  askedState,
  bareInfo,
  claimedState,
  forcedState,
  type TenureRecord,
} from './record.js'
import { steps } from './state.js'

/** One call writes and tells so many shared holders at most; another call goes on with the rest. */
export function please(
  n: Name,
  owners: readonly string[],
  field: Field,
  call: Call,
): readonly Reply[] {
  const [meant, by] = [field(2), field(3)]
  const { last } = n
  let count = 0
  let fresh = 0
  for (const owner of owners) {
    const known = n.record(owner)
    const token = known === null || known.token === '0' ? last : Number(known.token)
    if (fresh >= steps || (meant !== '' && token > Number(meant))) continue
    count++
    const weight = n.sharing > 0 ? n.permits.weigh(owner, known) : 1
    const r = known ?? lost(n, owner, weight, call.now)
    const { state } = r
    if (state === '0' || state === claimedState) {
      fresh++
      const asked = state === claimedState ? askedClaimedState : askedState
      n.write(owner, { ...r, state: asked, info: sign(r.info, by) }, known ? undefined : 0)
      tell(call, 'revoked', owner, call.us, by)
    } else if (n.value === owner && state !== forcedState) {
      // The message may have been lost.
      tell(call, 'revoked', owner, call.us, by)
    }
  }
  n.settle()
  return count === 0 ? ['newer'] : ['asked', count, String(n.expiry), fresh]
}

/** The record's info is a list, and may be made longer: who asks is its last element. Its edges stay. */
function sign(info: string, by: string): string {
  if (by === '') return info
  const bare = bareInfo(info)
  const list = bare === '' ? '[null,null,null]' : bare
  const edges = info.slice(bare.length)
  return /^\[[^]+\]$/.test(list) ? `${list.slice(0, -1)},${by}]${edges}` : info
}

/** Stands in for the record of a holder whose record somebody deleted. */
export function lost(n: Name, owner: string, weight: number, now: number): TenureRecord {
  return {
    mode: modeOf(n, owner),
    weight: String(weight),
    ttl: 0,
    claim: 0,
    sub: '-',
    token: n.mint(1),
    since: String(now),
    state: '0',
    info: '',
  }
}

/** The mode of one who holds. */
export function modeOf(n: Name, owner: string): string {
  if (n.value === owner) return 'x'
  return n.permits.pool ? 'p' : 's'
}
