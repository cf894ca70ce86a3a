/**
 * Metrics of all locks of this process, as text for Prometheus.
 *
 * @packageDocumentation
 */
import { BUCKETS, INSTRUMENTS, type Instrument, type InstrumentKey } from './instruments.js'
import { checkOptions, measure, type Attributes, type MeasureOptions } from './measure.js'

export type { MeasureOptions } from './measure.js'

/** What is measured from now on. */
export interface Metrics extends Disposable {
  /** For the header `content-type` of the answer. */
  readonly contentType: string
  /** All series as text, version 0.0.4 of the exposition format. */
  text(): string
  /** Measures no more. */
  stop(): void
}

/** One histogram has a count for each bucket, the last one without a bound; others have none. */
interface Series {
  readonly labels: string
  value: number
  readonly counts: number[] | null
}

/**
 * Measures all Holdfasts of this process. Each call has series of its own, from zero on.
 *
 * ```ts
 * const holdfast = metrics()
 * createServer((_request, response) => {
 *   response.setHeader('content-type', holdfast.contentType).end(holdfast.text())
 * }).listen(9464)
 * ```
 *
 * @throws ERR_INVALID_ARGUMENT
 */
export function metrics(options: MeasureOptions = {}): Metrics {
  checkOptions(options)
  const all = new Map<Instrument, Map<Attributes, Series>>()
  for (const instrument of Object.values(INSTRUMENTS)) all.set(instrument, new Map())

  const record = (what: InstrumentKey, value: number, attributes: Attributes): void => {
    const instrument = INSTRUMENTS[what]
    const known = all.get(instrument)!
    let series = known.get(attributes)
    if (!series) {
      const counts =
        instrument.kind === 'histogram' ? Array<number>(BUCKETS.length + 1).fill(0) : null
      series = { labels: labelsOf(attributes), value: 0, counts }
      known.set(attributes, series)
    }
    series.value += value
    if (!series.counts) return
    const bucket = BUCKETS.findIndex((bound) => value <= bound)
    series.counts[bucket === -1 ? BUCKETS.length : bucket]!++
  }

  const stop = measure(record, options)
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    text: () => [...all].map(([instrument, known]) => written(instrument, known.values())).join(''),
    stop,
    [Symbol.dispose]: stop,
  }
}

/** As the exporters of OpenTelemetry name them. */
function nameOf({ name, kind, unit }: Instrument): string {
  const words = name.replaceAll('.', '_') + (unit === 's' ? '_seconds' : '')
  return kind === 'counter' ? `${words}_total` : words
}

function labelsOf(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name.replaceAll('.', '_')}="${escaped(value)}"`)
    .join(',')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

const TYPES = { histogram: 'histogram', counter: 'counter', updown: 'gauge' } as const

function written(instrument: Instrument, known: Iterable<Series>): string {
  const name = nameOf(instrument)
  let text = `# HELP ${name} ${instrument.description}\n# TYPE ${name} ${TYPES[instrument.kind]}\n`
  for (const { labels, value, counts } of known) {
    const braced = labels === '' ? '' : `{${labels}}`
    if (!counts) {
      text += `${name}${braced} ${value}\n`
      continue
    }
    const before = labels === '' ? '' : `${labels},`
    let sum = 0
    for (const [i, count] of counts.entries()) {
      sum += count
      text += `${name}_bucket{${before}le="${BUCKETS[i] ?? '+Inf'}"} ${sum}\n`
    }
    text += `${name}_sum${braced} ${value}\n${name}_count${braced} ${sum}\n`
  }
  return text
}
