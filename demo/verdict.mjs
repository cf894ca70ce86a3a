// The end: what was proved, in a few lines. Each line is a function of the paint.
import { processOf } from './ledger.mjs'
import { count, ms, plural } from './paint.mjs'

// What a lease may be late by: the timer of whoever asks next, and a busy machine.
const GRACE_MS = 500
// Where the next in line died too, the others ask, one after the other, this far apart.
const SPACING_MS = 500

/** Judges the run. `counters` are the server's; `made` is how many script calls it counted. */
export function judge({ setup, stage, ledger, killer, counters, made }) {
  const audits = setup.names.map((name) => ledger.audit(name))
  const sum = ledger.total()
  const total = counters.reduce((a, b) => a + b, 0)
  // The victim may have written once in each section that it could not report.
  const exact = audits.every(({ completed, cutShort }, i) => {
    const ahead = counters[i] - completed
    return ahead >= 0 && ahead <= cutShort
  })
  const alone = sum.overlaps === 0
  const rising = sum.disorder === 0 && !setup.sabotage
  const killed = killer.victim === null ? null : killing(setup, ledger, killer)
  const survived = stage.kill === null || (killed !== null && killed.ok)
  const calm = ledger.troubles.length === 0
  const exclusion = exact && alone && rising && sum.completed > 0
  const held = exclusion && survived && calm

  const lines = [() => '', headline(exclusion, held), () => '']
  const add = (ok, text, note = '') =>
    lines.push((p) => `   ${ok ? p.green('✓') : p.bad('✕')} ${text}${note && p.dim(`  ${note}`)}`)

  const lost = sum.completed - total
  const said = lost > 0 ? `, ${plural(lost, 'write')} lost` : ''
  const cut = sum.cutShort > 0 ? `${sum.cutShort} cut short` : ''
  add(
    exact,
    `${plural(sum.completed, 'critical section')}, counters at ${count(total)}${said}`,
    cut,
  )
  add(alone, plural(sum.overlaps, 'overlap'), 'by the clock of the machine')
  if (setup.sabotage) add(false, 'no fences: nobody locked', '(--sabotage)')
  else add(rising, 'every fence larger than the last', sum.disorder ? `${sum.disorder} not` : '')
  if (killed) add(killed.ok, killed.text, killed.note)
  else if (stage.kill) add(false, 'nobody could be killed')
  for (const trouble of ledger.troubles.slice(0, 5)) add(false, trouble)

  const { handovers, p50, p99 } = sum
  lines.push(() => '')
  if (!setup.sabotage) {
    const how = stage.alone ? 'release to entry' : 'release to entry elsewhere'
    lines.push(
      (p) =>
        `     ${count(handovers)} hand-overs: p50 ${ms(p50)}, p99 ${ms(p99)} ${p.dim(` ${how}`)}`,
    )
    if (made && setup.names.length > 0) {
      const each = (made / sum.completed).toFixed(2)
      lines.push(
        (p) => `     ${each} script calls for each section ${p.dim(' waiting costs none')}`,
      )
    }
  }
  if (stage.alone) lines.push((p) => `     ${p.dim(stage.about)}`)
  lines.push(() => '')
  return { held, lines }
}

function headline(exclusion, held) {
  if (held) return (p) => ` ${p.good('exclusion held')}`
  if (exclusion) return (p) => ` ${p.bad('exclusion held, but not all went well')}`
  return (p) => ` ${p.bad('exclusion broken')}`
}

function killing(setup, ledger, { victim, name, at, line }) {
  const next = ledger.after(name, at)
  if (!next)
    return { ok: false, text: `${victim} killed in ${name}: nobody came after it`, note: '' }
  const after = (next.enter - at) / 1e6
  const dead = line?.length > 0 && processOf(line[0]) === victim
  const patience = GRACE_MS + (dead ? line.length * SPACING_MS : 0)
  return {
    ok: after <= setup.ttl + patience,
    text: `${victim} killed in ${name}: next holder after ${ms(after)}`,
    note: setup.sabotage ? '' : `lease: ${ms(setup.ttl)}${dead ? '; next in line was dead' : ''}`,
  }
}
