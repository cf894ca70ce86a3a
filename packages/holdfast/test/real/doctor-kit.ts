import { expect } from 'vitest'
import type { DoctorOptions, Finding, FindingId, Holdfast, Severity } from '../../src/index.js'
import { FINDINGS } from '../../src/locks/doctor/findings.js'

/** One round trip is enough where clocks are not the question. */
export async function examined(
  locks: Holdfast,
  options: DoctorOptions = {},
): Promise<readonly Finding[]> {
  const findings = await locks.doctor({ over: 0, timeout: 2000, ...options })
  for (const { id, severity, measured, advice } of findings) {
    expect(measured).toMatch(/\w/)
    const hidden = measured.startsWith('cannot be seen: ')
    expect(advice).toBe(severity === 'ok' || hidden ? null : FINDINGS[id].advice)
    if (hidden) expect(severity).toBe('note')
  }
  return findings
}

/** The finding of an id, the worst if there are several. */
export function finding(findings: readonly Finding[], id: FindingId): Finding {
  const order: readonly Severity[] = ['ok', 'note', 'warning', 'error']
  const [worst] = findings
    .filter((one) => one.id === id)
    .toSorted((a, b) => order.indexOf(b.severity) - order.indexOf(a.severity))
  if (!worst) throw new Error(`no finding ${id} among ${findings.map((one) => one.id).join(' ')}`)
  return worst
}

/** Asserts how bad one is, and gives what was measured. */
export function is(findings: readonly Finding[], id: FindingId, severity: Severity): string {
  const one = finding(findings, id)
  expect(one).toMatchObject({ id, severity })
  return one.measured
}

/** The ids of what is worse than a note. */
export const bad = (findings: readonly Finding[]): readonly string[] =>
  findings
    .filter(({ severity }) => severity === 'warning' || severity === 'error')
    .map(({ id, severity }) => `${id} ${severity}`)
