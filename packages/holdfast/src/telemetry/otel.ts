/**
 * Metrics and spans of all locks of this process, for OpenTelemetry.
 *
 * @packageDocumentation
 */
import { invalid, type Holder } from '../base/errors.js'
import type { LockCall } from '../base/events.js'
import { BUCKETS, INSTRUMENTS, type InstrumentKey } from './instruments.js'
import { checkOptions, errorType, hear, measure } from './measure.js'
import type { Attributes, MeasureOptions } from './measure.js'
import type { MeterProviderLike, SpanLike, TracerProviderLike } from './otel-like.js'

export type { MeasureOptions } from './measure.js'
export type * from './otel-like.js'

/** Options of the instrumentation. */
export interface InstrumentOptions extends MeasureOptions {
  /** Default the one that is registered with `@opentelemetry/api`. Null: no metrics. */
  readonly meterProvider?: MeterProviderLike | null | undefined
  /** Default the one that is registered with `@opentelemetry/api`. Null: no spans, and no trace in locks. */
  readonly tracerProvider?: TracerProviderLike | null | undefined
}

/** Where all copies of version 1 of `@opentelemetry/api` keep what is registered. */
const API: symbol = Symbol.for('opentelemetry.js.api.1')
const NAME = 'holdfast'
const INTERNAL = 0
const ERROR = 2
const SAMPLED = 1

/**
 * Measures all Holdfasts of this process, and makes a span of each call that asks for a lock: `holdfast.acquire
 * mutex`, with a link to the span of whoever holds the lock that it waits for, in whatever process.
 * What is not given and not registered is left out: call it when your SDK has started.
 *
 * @returns a function that ends this.
 * @throws ERR_INVALID_ARGUMENT
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  checkOptions(options, ['meterProvider', 'tracerProvider'])
  const { meterProvider = registered().metrics, tracerProvider = registered().trace } = options
  check('meterProvider', meterProvider, 'getMeter')
  check('tracerProvider', tracerProvider, 'getTracer')
  const ends = [
    ...(meterProvider ? [meters(meterProvider, options)] : []),
    ...(tracerProvider ? spans(tracerProvider) : []),
  ]
  return () => {
    for (const end of ends.splice(0)) end()
  }
}

function registered(): { metrics?: MeterProviderLike; trace?: TracerProviderLike } {
  return (globalThis as { [key: symbol]: object | undefined })[API] ?? {}
}

function check(what: string, given: object | null | undefined, method: string): void {
  if (given === null || given === undefined) return
  if (typeof (given as Record<string, unknown>)[method] === 'function') return
  throw invalid(`options.${what}`, given, `an object with ${method}, or null for none`)
}

function meters(provider: MeterProviderLike, options: InstrumentOptions): () => void {
  const meter = provider.getMeter(NAME)
  type Take = (value: number, attributes: Attributes) => void
  const made = Object.entries(INSTRUMENTS).map(([key, one]): [string, Take] => {
    const { name, kind, unit, description } = one
    if (kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...BUCKETS] }
      const histogram = meter.createHistogram(name, { unit, description, advice })
      return [key, (value, attributes) => histogram.record(value, attributes)]
    }
    const about = { unit, description }
    const counter =
      kind === 'counter' ? meter.createCounter(name, about) : meter.createUpDownCounter(name, about)
    return [key, (value, attributes) => counter.add(value, attributes)]
  })
  const takes = Object.fromEntries(made) as Record<InstrumentKey, Take>
  return measure((what, value, attributes) => takes[what](value, attributes), options)
}

interface Open {
  readonly span: SpanLike
  queued: boolean
  /** The traces that it is linked to. */
  readonly linked: Set<string>
}

function spans(provider: TracerProviderLike): (() => void)[] {
  const tracer = provider.getTracer(NAME)
  const open = new Map<LockCall, Open>()
  const end = ({ span }: Open, call: LockCall, outcome: string): void => {
    open.delete(call)
    span.setAttribute('holdfast.acquire.outcome', outcome)
    span.end()
  }
  return [
    hear('holdfast:requested', (call) => {
      const { name, type } = call
      const attributes = { 'holdfast.lock.type': type, 'holdfast.lock.name': name }
      const span = tracer.startSpan(`holdfast.acquire ${type}`, { kind: INTERNAL, attributes })
      if (!span.isRecording()) return span.end()
      open.set(call, { span, queued: false, linked: new Set() })
      const { traceId, spanId, traceFlags } = span.spanContext()
      if (traceFlags & SAMPLED) call.trace ??= `00-${traceId}-${spanId}-01`
    }),
    hear('holdfast:queued', ({ call, rank, holder }) => {
      const its = call && open.get(call)
      if (!its) return
      if (!its.queued) its.span.addEvent('queued', { 'holdfast.line.rank': rank })
      its.queued = true
      link(its, holder)
    }),
    hear('holdfast:granted', ({ call, fence, pushed, local }) => {
      const its = call && open.get(call)
      if (!its) return
      const facts = { 'holdfast.fence': fence, 'holdfast.pushed': pushed, 'holdfast.local': local }
      its.span.addEvent('granted', facts)
      end(its, call, 'acquired')
    }),
    hear('holdfast:failed', ({ call, outcome, error }) => {
      const its = open.get(call)
      if (!its) return
      link(its, (error as { holder?: Holder | null } | null | undefined)?.holder)
      if (outcome !== 'taken' && outcome !== 'aborted') {
        its.span.setAttribute('error.type', errorType(error))
        its.span.setStatus({ code: ERROR, message: String((error as Error).message) })
      }
      end(its, call, outcome)
    }),
    // Of a call that goes on without us: else nobody would be told of it.
    () => {
      for (const { span } of open.values()) span.end()
      open.clear()
    },
  ]
}

/** To the span of whoever holds the name: it may be another one each time that the server says so. */
function link({ span, linked }: Open, holder: Holder | null | undefined): void {
  const trace = holder?.trace
  if (trace === undefined || linked.has(trace)) return
  const [, traceId, spanId, flags] = /^\w\w-(\w{32})-(\w{16})-(\w\w)$/.exec(trace) ?? []
  if (traceId === undefined || spanId === undefined) return
  linked.add(trace)
  const traceFlags = parseInt(flags!, 16)
  // Since version 1.9 of the API.
  span.addLink?.({ context: { traceId, spanId, traceFlags, isRemote: true } })
}
