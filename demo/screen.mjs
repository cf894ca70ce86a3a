// What is seen while it runs: a picture that is redrawn in place, or a line now and then.
import { processOf } from './ledger.mjs'
import { apart, count, ms, pad, padStart, painter, seconds } from './paint.mjs'

const WIDTH = 78
const NAME = 15
const QUIET_S = 2

/** A picture where there is a terminal that it fits on, else lines. */
export function makeScreen(setup, stage, stream = process.stdout) {
  const paint = painter(stream)
  const rows = 8 + setup.names.length * 3
  const fits = stream.isTTY && stream.rows > rows && stream.columns >= WIDTH
  const make = fits && !setup.plain ? picture : lines
  return make(setup, stage, stream, paint)
}

function picture(setup, stage, stream, paint) {
  let height = 0
  let ended = false
  // No cursor, and no line that wraps when the window becomes narrower.
  stream.write('\x1b[?25l\x1b[?7l\n')
  const restore = () => {
    if (!ended) stream.write('\x1b[?25h\x1b[?7h')
    ended = true
  }
  process.on('exit', restore)
  return {
    show(view) {
      const frame = draw(setup, stage, view, paint)
      const up = height > 0 ? `\x1b[${height}A\r` : ''
      stream.write(up + frame.map((line) => `${line}\x1b[K\n`).join('') + '\x1b[J')
      height = frame.length
    },
    print: (line) => stream.write(`${line(paint)}\n`),
    end: restore,
  }
}

function draw(setup, stage, view, paint) {
  const { states, counters, elapsed, ledger, killer } = view
  const out = [header(setup, stage, killer, paint), paint.dim('─'.repeat(WIDTH))]
  states.forEach((state, i) => {
    const audit = ledger.audit(state.name)
    const [status, facts] = holding(setup, state, ledger, killer, paint)
    const counter = `${paint.dim('counter')} ${padStart(count(counters[i]), 5)}`
    const bad = audit.overlaps > 0 ? paint.bad(` ${count(audit.overlaps)} overlaps`) : ''
    out.push('', apart(` ${pad(paint.bold(state.name), NAME)}${status}`, facts || bad, WIDTH))
    out.push(apart(` ${' '.repeat(NAME)}${inLine(state, killer, paint)}`, counter, WIDTH))
  })
  out.push('', paint.dim('─'.repeat(WIDTH)), figures(setup, ledger, paint), '')
  out.push(` ${story(stage, ledger, killer, paint)}`, ` ${progress(setup, elapsed, paint)}`)
  return out
}

function header(setup, stage, killer, paint) {
  const ids = Array.from({ length: setup.processes }, (_, i) => `p${i + 1}`)
  const each = ids.map((id) => (id === killer.victim ? paint.red(`✕ ${id}`) : paint.who(id)))
  const who = stage.alone ? 'one process' : each.join('  ')
  const title = ` ${paint.bold('holdfast')}  ${paint.dim(stage.title)}`
  return apart(title, `${who} ${paint.dim(`× ${setup.waiters} waiters`)}`, WIDTH)
}

/** Who holds: the status, and at the right the facts of the tenure. */
function holding(setup, state, ledger, killer, paint) {
  if (setup.sabotage) {
    const inside = ledger.inside(state.name)
    if (inside.length === 0) return [paint.dim('○ nobody inside'), '']
    const mark = inside.length > 1 ? paint.bad('●●') : '●'
    return [
      `${mark} ${inside.map((one) => paint.who(one)).join('  ')}  ${paint.dim('not locked')}`,
      '',
    ]
  }
  const holder = state.holders[0]
  if (!holder) return [paint.dim('○ free'), '']
  const who = holder.label ?? holder.owner
  const fence = paint.dim('fence ') + holder.fence
  if (processOf(who) === killer.victim) {
    const left = seconds((holder.remaining ?? 0) / 1000)
    return [`${paint.red(`✕ ${who} killed`)}  lease ends in ${left}`, fence]
  }
  const held = paint.dim(`for ${padStart(String(holder.heldFor), 3)} ms`)
  return [paint.who(who, '● '), `${held}   ${fence}`]
}

function inLine(state, killer, paint) {
  const { waiters, waiterCount } = state
  if (waiterCount === 0) return paint.dim('  nobody waits')
  const shown = waiters
    .slice(0, 8)
    .map(({ label }) => (processOf(label) === killer.victim ? paint.gone(label) : paint.who(label)))
  const more = waiterCount > 8 ? paint.dim(` +${waiterCount - 8}`) : ''
  return `${paint.dim('← ')}${shown.join('  ')}${more}`
}

function figures({ sabotage }, ledger, paint) {
  const { handovers, p50, p99, overlaps, disorder } = ledger.total()
  const rising = disorder > 0 ? paint.bad('fences disordered') : paint.dim('fences rising')
  const fences = sabotage ? paint.bad('no locks') : rising
  const say = (label, value) => `${paint.dim(label)} ${value}`
  return [
    ` ${say('hand-overs', count(handovers))}`,
    say('p50', ms(p50)),
    say('p99', ms(p99)),
    overlaps > 0 ? paint.bad(`overlaps ${count(overlaps)}`) : say('overlaps', '0'),
    fences,
  ].join('    ')
}

function story(stage, ledger, killer, paint) {
  if (!stage.kill) return paint.dim(stage.about)
  const { victim, who, name, at } = killer
  if (victim === null) {
    return paint.dim('half-way one process will be killed while it holds a lock')
  }
  const killed = `${paint.red(victim)} was killed: ${who} held ${name}`
  const next = ledger.after(name, at)
  if (!next) return `${killed}; its lease runs out, others go on`
  return `${killed}; ${paint.who(next.who)} came ${ms((next.enter - at) / 1e6)} later`
}

function progress(setup, elapsed, paint) {
  const length = WIDTH - 14
  const done = Math.min(length, Math.round((length * elapsed) / setup.seconds))
  const bar = paint.green('━'.repeat(done)) + paint.dim('─'.repeat(length - done))
  return `${bar} ${padStart(`${elapsed.toFixed(1)} of ${setup.seconds} s`, 12)}`
}

/** For a pipe, a log or a small terminal. */
function lines(setup, stage, stream, paint) {
  let next = 0
  let told = ''
  stream.write(`\nholdfast: ${stage.about}; ${setup.names.length} locks, ${setup.seconds} s\n`)
  return {
    show({ elapsed, ledger, killer }) {
      const time = padStart(seconds(elapsed), 7)
      const now = stage.kill && killer.victim !== null ? story(stage, ledger, killer, paint) : ''
      if (now !== told) stream.write(`${time}  ${(told = now)}\n`)
      if (elapsed < next) return
      next += QUIET_S
      stream.write(`${time} ${figures(setup, ledger, paint)}\n`)
    },
    print: (line) => stream.write(`${line(paint)}\n`),
    end: () => {},
  }
}
