import { channel } from 'node:diagnostics_channel'
import { HoldfastError, invalid, type LossReason } from '../base/errors.js'
import type { HoldfastEvents, LockCall } from '../base/events.js'
import type { InstrumentKey } from './instruments.js'

/** Attributes of a measurement, as OpenTelemetry names them. */
export type Attributes = Readonly<Record<string, string>>

/** Options of what is measured. */
export interface MeasureOptions {
  /**
   * A label for the names of locks, `holdfast.lock.label`: `(name) => name.split(':')[0]`. Undefined: none.
   * Default none at all, because each value is a series of its own for ever.
   */
  readonly lockLabel?: ((name: string) => string | undefined) | undefined
  /** How many values of `lockLabel` there may be: later ones are `other`. Default 100; at most 10,000. */
  readonly lockLabels?: number | undefined
}

const MOST_LABELS = 10_000
const OTHER = 'other'
const LOSSES: readonly LossReason[] = ['expired', 'gone', 'forced', 'max-hold', 'closed']

/** Takes one measurement: a duration in s, or what is to be added. One series has one object of attributes. */
type Sink = (what: InstrumentKey, value: number, attributes: Attributes) => void

/** Attributes of a lock, and a text that only they have. */
interface Its {
  readonly key: string
  readonly attributes: Attributes
}

/** Hears one kind of event. @returns a function that ends this. */
export function hear<K extends keyof HoldfastEvents>(
  name: K,
  listener: (message: HoldfastEvents[K]) => void,
): () => void {
  const to = channel(name)
  const heard = listener as (message: unknown) => void
  to.subscribe(heard)
  return () => to.unsubscribe(heard)
}

/** @param more names of options beside these. @throws ERR_INVALID_ARGUMENT */
export function checkOptions(options: MeasureOptions, more: readonly string[] = []): void {
  const names = [...more, 'lockLabel', 'lockLabels']
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw invalid('options', options, `an object of options (${names.join(', ')})`)
  }
  for (const key of Object.keys(options)) {
    if (!names.includes(key)) throw invalid(`options.${key}`, key, `one of ${names.join(', ')}`)
  }
  const { lockLabel, lockLabels = 1 } = options
  if (lockLabel !== undefined && typeof lockLabel !== 'function') {
    throw invalid('options.lockLabel', lockLabel, 'a function that gives a name its label')
  }
  if (!(Number.isInteger(lockLabels) && lockLabels >= 1 && lockLabels <= MOST_LABELS)) {
    throw invalid('options.lockLabels', lockLabels, `a whole number from 1 to ${MOST_LABELS}`)
  }
}

/** Gives each name its label, of a bounded number. */
function labeller({
  lockLabel,
  lockLabels = 100,
}: MeasureOptions): (name: string) => string | undefined {
  if (!lockLabel) return () => undefined
  const seen = new Set<string>()
  return (name) => {
    let label: string | undefined
    try {
      label = lockLabel(name)
    } catch {
      // Node would make an uncaught exception of it: a label is not worth the process.
    }
    // To Prometheus an empty one is none.
    if (typeof label !== 'string' || label === '') return undefined
    // As it is written in UTF-8: else two that differ would be one series, twice.
    if (/[\uD800-\uDFFF]/.test(label)) label = Buffer.from(label).toString()
    if (!seen.has(label) && seen.size >= lockLabels) return OTHER
    seen.add(label)
    return label
  }
}

/** Why a call failed, in few words. */
export function errorType(error: unknown): string {
  if (error instanceof HoldfastError) return error.code
  return error instanceof Error ? error.name : typeof error
}

/**
 * Makes measurements of the events of all Holdfasts of this process, for whoever takes them. What began
 * before is not measured.
 *
 * @param options that were checked.
 * @returns a function that ends this, and takes back what is still counted as held or waiting.
 */
export function measure(sink: Sink, options: MeasureOptions): () => void {
  const labels = labeller(options)
  const waiting = new Map<LockCall, Its>()
  const ended = new WeakSet<LockCall>()
  const held = new Map<string, Its>()
  const known = new Map<string, Attributes>()
  const none: Attributes = {}

  /** The same object for the same attributes: who takes them need not compare them. */
  const of = (key: string, make: () => Attributes): Attributes => {
    let its = known.get(key)
    if (!its) known.set(key, (its = make()))
    return its
  }
  const lock = ({ type, name }: { type: string; name: string }): Its => {
    const label = labels(name)
    const key = label === undefined ? type : `${type} ${label}`
    const more = label === undefined ? {} : { 'holdfast.lock.label': label }
    return { key, attributes: of(key, () => ({ 'holdfast.lock.type': type, ...more })) }
  }
  const and = ({ key, attributes }: Its, name: string, value: string, error?: string): Attributes =>
    of(`${name} ${value} ${error ?? ''}\n${key}`, () => ({
      ...attributes,
      [name]: value,
      ...(error === undefined ? {} : { 'error.type': error }),
    }))
  const zeroed = new Set<Attributes>()
  /** So that a counter has been zero before it is one: else the first of its kind raises no alarm. */
  const zeros = (its: Its): void => {
    if (zeroed.has(its.attributes)) return
    zeroed.add(its.attributes)
    for (const reason of LOSSES) sink('losses', 0, and(its, 'holdfast.loss.reason', reason))
    for (const broken of ['true', 'false']) {
      sink('deadlocks', 0, and(its, 'holdfast.deadlock.broken', broken))
    }
    sink('overruns', 0, its.attributes)
    sink('renewals', 0, and(its, 'holdfast.renewal.outcome', 'failed'))
  }
  const end = (call: LockCall | null, outcome: string, waited: number, error?: string): void => {
    if (!call || ended.has(call)) return
    ended.add(call)
    const waits = waiting.get(call)
    if (waits && waiting.delete(call)) sink('waiting', -1, waits.attributes)
    sink('acquire', waited / 1000, and(lock(call), 'holdfast.acquire.outcome', outcome, error))
  }
  const keyOf = ({ owner, fence }: { owner: string; fence: number }): string => `${owner} ${fence}`
  const over = (which: { owner: string; fence: number }, ms: number, reason: string): void => {
    const key = keyOf(which)
    const its = held.get(key)
    if (!its || !held.delete(key)) return
    sink('held', -1, its.attributes)
    sink('hold', ms / 1000, and(its, 'holdfast.release.reason', reason))
  }

  sink('rejections', 0, none)
  const heard = [
    hear('holdfast:queued', ({ call }) => {
      if (!call || ended.has(call) || waiting.has(call)) return
      const its = lock(call)
      waiting.set(call, its)
      sink('waiting', 1, its.attributes)
    }),
    hear('holdfast:granted', (message) => {
      const its = lock(message)
      zeros(its)
      held.set(keyOf(message), its)
      sink('held', 1, its.attributes)
      end(message.call, 'acquired', message.waited)
    }),
    hear('holdfast:failed', ({ call, outcome, waited, error }) => {
      const trouble = outcome === 'error' || outcome === 'unavailable'
      end(call, outcome, waited, trouble ? errorType(error) : undefined)
    }),
    hear('holdfast:released', (message) => {
      over(message, message.held, message.released ? 'released' : 'unconfirmed')
    }),
    hear('holdfast:lost', (message) => {
      over(message, message.held, message.reason)
      sink('losses', 1, and(lock(message), 'holdfast.loss.reason', message.reason))
    }),
    hear('holdfast:renewed', (message) => {
      const its = lock(message)
      sink('margin', message.left / 1000, its.attributes)
      sink('renewals', 1, and(its, 'holdfast.renewal.outcome', 'confirmed'))
    }),
    hear('holdfast:jeopardy', (message) => {
      sink('renewals', 1, and(lock(message), 'holdfast.renewal.outcome', 'failed'))
    }),
    hear('holdfast:deadlock', (message) => {
      sink('deadlocks', 1, and(lock(message), 'holdfast.deadlock.broken', String(message.broken)))
    }),
    hear('holdfast:handover', (message) => sink('wakeups', 1, lock(message).attributes)),
    hear('holdfast:long-hold', (message) => sink('overruns', 1, lock(message).attributes)),
    hear('holdfast:fenced', () => sink('rejections', 1, none)),
  ]
  return () => {
    for (const stop of heard.splice(0)) stop()
    for (const { attributes } of held.values()) sink('held', -1, attributes)
    for (const { attributes } of waiting.values()) sink('waiting', -1, attributes)
    held.clear()
    waiting.clear()
  }
}
