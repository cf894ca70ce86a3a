import { setTimeout as sleep } from 'node:timers/promises'
import type { Duration, Election, Holdfast, HoldfastError, Leadership, LockOptions } from 'holdfast'
import { connect } from '../connect.js'
import { Silent, type Facts } from '../exit.js'
import { codeOf, interruptible, unlessAborted } from '../interrupt.js'
import type { SharedOptions } from '../options.js'
import { outputOf } from '../output.js'
import { note } from '../reason.js'
import { startChild } from '../run/child.js'
import { environmentOf } from '../run/environment.js'
import { Guard, lossOf } from '../run/guard.js'
import { milliseconds, planOf, type Plan } from '../run/plan.js'
import { atTerminal } from '../run/run.js'
import { Signals } from '../run/signals.js'
import { tellerOf, type Teller } from '../run/teller.js'
import { plain } from '../text.js'
import { serve, type Address } from './http.js'
import { Standings } from './standing.js'

interface Options extends SharedOptions {
  readonly ttl: Duration
  readonly label?: string
  readonly http?: Address
  readonly grace: Duration
  readonly signal: NodeJS.Signals
  readonly verbose?: boolean
}

/** Time limit of the question behind /healthz. */
const PING_MS = 1000
const AGAIN_MS = 1000

/** Stands for election again and again. @throws Exit, Silent */
export async function elect(name: string, argv: string[], options: Options): Promise<void> {
  const runs = argv.length > 0
  // What a command prints is its own.
  const teller = runs ? tellerOf(options) : printing(options)
  const signals = runs ? new Signals() : null
  const asked = signals?.waiting ?? interruptible().signal
  const unheard = new AbortController()
  const signal = AbortSignal.any([asked, unheard.signal])
  const plan = planOf(milliseconds(options.ttl), milliseconds(options.grace), Infinity)
  // Where that is forced, nobody else leads before the command has ended.
  const connecting = connect(options, { forced: runs ? 'keep' : 'release' })
  await using connection = await unlessAborted(signal, connecting)
  const { locks } = connection
  const { label } = options
  const terms: LockOptions = runs ? { ttl: plan.ttl, margin: plan.margin } : { ttl: options.ttl }
  const election = locks.election(name, label === undefined ? terms : { ...terms, label })
  const standings = new Standings(name, label)
  await using http = options.http && (await serve(options.http, () => healthy(locks), standings))
  if (http) teller.tell('listening', { url: http.url })
  observe(election, standings, teller, options).catch((error: Silent) => unheard.abort(error))
  for (;;) {
    await using leadership = await election.campaign({ signal })
    standings.elected(leadership)
    const { fence, owner } = leadership
    teller.tell('elected', { name, fence: String(fence), owner })
    const why = signals
      ? await command(leadership, argv, { plan, teller, signals, options })
      : await end(leadership, signal)
    if (runs && lossOf(leadership) === 'forced') await locks.release(name, owner)
    teller.tell('resigned', { name, reason: why })
    signal.throwIfAborted()
  }
}

/** Until leadership is lost, is asked for, or this process is to end. @returns why */
async function end({ signal, revoked }: Leadership, ended: AbortSignal): Promise<string> {
  await new Promise<void>((resolve) => {
    for (const one of [signal, revoked, ended]) {
      if (one.aborted) resolve()
      else one.addEventListener('abort', () => resolve(), { once: true })
    }
  })
  if (signal.aborted) return 'lost'
  return revoked.aborted ? 'revoked' : 'ended'
}

interface Running {
  readonly plan: Plan
  readonly teller: Teller
  readonly signals: Signals
  readonly options: Options
}

/** Runs the command while this leads. @returns why it was stopped. @throws Silent: it ended by itself */
async function command(
  leadership: Leadership,
  argv: readonly string[],
  { plan, teller, signals, options }: Running,
): Promise<string> {
  // Who had to wait has a short lease first.
  const sure = leadership.validFor >= plan.ttl / 2 || (await verified(leadership))
  if (!sure) return 'lost'
  signals.waiting.throwIfAborted()
  const expiresAt = Math.floor(Date.now() + leadership.validFor)
  const environment = environmentOf(leadership, options.prefix, expiresAt)
  const child = await startChild(argv, environment, atTerminal())
  signals.forward((signal) => child.forward(signal))
  teller.tell('started', { pid: child.pid, command: argv[0] })
  const { signal } = options
  const guard = new Guard({ lock: leadership, child, plan, onLost: 'kill', signal, teller })
  const { ended, stop } = await guard.untilEnd()
  signals.forward(null)
  teller.tell('ended', { code: ended.code, signal: ended.signal })
  if (stop) return stop.reason
  throw new Silent(ended.signal ? codeOf(ended.signal) : ended.code!)
}

const verified = (leadership: Leadership): Promise<boolean> =>
  leadership.verify().then(
    () => true,
    () => false,
  )

/** Hears who leads, for as long as it can be heard. @throws Silent: whoever read it has gone */
async function observe(
  election: Election,
  standings: Standings,
  teller: Teller,
  { json = false }: Options,
): Promise<void> {
  for (;;) {
    try {
      for await (const leader of election.observe()) {
        standings.tell(leader)
        const { isLeader, ...now } = standings.now
        if (!isLeader) teller.tell('leader', { ...now })
      }
      return
    } catch (error) {
      if (error instanceof Silent) throw error
      const { code, message } = error as HoldfastError
      standings.tell(undefined)
      if (code === 'ERR_CLOSED') return
      if (code === 'ERR_CONFIG') return note('config', message, json)
      await sleep(AGAIN_MS)
    }
  }
}

const healthy = (locks: Holdfast): Promise<boolean> =>
  locks.ping({ timeout: PING_MS }).then(
    () => true,
    () => false,
  )

/** Tells on stdout: what happens is what is asked for. */
function printing(options: SharedOptions): Teller {
  const output = outputOf(options)
  const tell = (event: string, facts: Facts = {}): void =>
    output.one({ event, at: new Date().toISOString(), ...facts }, () => lineOf(event, facts))
  return { tell, warn: tell }
}

function lineOf(event: string, facts: Facts): string {
  const time = new Date().toTimeString().slice(0, 8)
  const said = Object.entries({ ...facts, name: null, owner: null })
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${plain(String(value))}`)
  const nobody = event === 'leader' && !facts['leader'] ? ['nobody'] : []
  return [time, event, ...nobody, ...said].join('  ')
}
