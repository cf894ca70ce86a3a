// What a run says: a line each second, a table at the end.
import { MAY_BREAK } from './may-break.mjs'

/** How it stands, as far as the processes have told. */
export function lineOf({ workers, register, plan }, seconds) {
  const outcome = (what) => workers.sum((said) => said?.tally.counts[what])
  return (
    `${String(seconds).padStart(4)} s  ${workers.sum((said) => said?.tally.total)} cycles, ` +
    `${workers.sum((said) => said?.counts.granted)} acquired, ` +
    `${workers.sum((said) => said?.counts.pushed)} handed over, ` +
    `${workers.sum((said) => said?.counts.local)} within a process, ` +
    `${workers.sum((said) => said?.counts.lost)} lost, ` +
    `${outcome('ERR_UNAVAILABLE') + outcome('ERR_NO_QUORUM')} unavailable | ` +
    `${plan.done.length} faults | late writes: ${register.sum('plain', 'late')} landed, ` +
    `${register.sum('fenced', 'late')} refused`
  )
}

/** One row for each kind of fault. */
export function tableOf({ plan, servers }) {
  const rows = ['fault          times    hit  calls under way  may break']
  for (const kind of plan.kinds) {
    const all = plan.of(kind)
    const hit = all.filter(({ hits }) => hits > 0).length
    const calls = all.reduce((sum, { hits }) => sum + hits, 0)
    const [times, hits, under] = [String(all.length), String(hit), String(calls)]
    const breaks = MAY_BREAK[kind][servers.kind] ?? 'nothing'
    rows.push(
      `${kind.padEnd(14)} ${times.padStart(5)} ${hits.padStart(6)} ${under.padStart(16)}  ${breaks}`,
    )
  }
  return rows.join('\n')
}

/** In one sentence. */
export function sumOf({ plan, register }, found) {
  const { calls, tenures, handed, lost, violations, forgiven } = found
  return (
    `${calls} calls, ${tenures} acquisitions, ${handed} handed over, ${lost} lost; ${plan.done.length} faults; ` +
    `${forgiven} times two held what a server had forgotten; ` +
    `${register.sum('plain', 'late')} late writes landed where nothing was fenced, ` +
    `${register.sum('fenced', 'late')} were refused where it was; ${violations.length} violations`
  )
}
