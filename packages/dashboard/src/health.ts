import type { Finding } from 'holdfast'
import type { Health, HealthNode } from './model.js'
import { withoutOwners } from './people.js'

const nodeName = (server: number): string => `server ${server + 1}`

/** What the doctor found, server by server. */
export function healthOf(findings: readonly Finding[], at: number): Omit<Health, 'at'> {
  const several = findings.some(({ server }) => server !== null)
  const count = several ? Math.max(...findings.map(({ server }) => server ?? 0)) + 1 : 1
  const nodes = Array.from({ length: count }, (_, i) => {
    const own = findings.filter(({ server }) => server === (several ? i : null))
    return nodeOf(several ? nodeName(i) : 'server', own)
  })
  return {
    lookedAt: at,
    nodes,
    findings: findings.map(({ id, severity, measured, advice, server }) => ({
      id,
      severity,
      text: withoutOwners(measured),
      ...(advice === null ? {} : { todo: advice }),
      ...(server === null ? {} : { node: nodeName(server) }),
    })),
  }
}

function nodeOf(name: string, findings: readonly Finding[]): HealthNode {
  const of = (id: Finding['id']): Finding | undefined => findings.find((one) => one.id === id)
  const value = (id: Finding['id'], key: string): number | null => {
    const found = of(id)?.values[key]
    return typeof found === 'number' ? found : null
  }
  const [least, most] = [value('clock-offset', 'least'), value('clock-offset', 'most')]
  const run = of('reachable')?.values['run']
  const quarantined = of('quarantine')?.severity
  const state =
    of('reachable')?.severity === 'error'
      ? 'away'
      : quarantined === 'warning' || quarantined === 'error'
        ? 'quarantine'
        : 'up'
  return {
    name,
    state,
    latency: value('latency', 'median'),
    ...(typeof run === 'string' && run !== '' ? { run } : {}),
    ...(least === null || most === null ? {} : { clock: Math.round((least + most) / 2) }),
  }
}
