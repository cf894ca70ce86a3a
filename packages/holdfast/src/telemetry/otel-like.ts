/** What is used of `@opentelemetry/api`, by shape: nothing of it is imported. */

/** A histogram, as far as it is used. */
export interface HistogramLike {
  record(value: number, attributes: Record<string, string>): void
}

/** A counter, or one that goes up and down. */
export interface CounterLike {
  add(value: number, attributes: Record<string, string>): void
}

/** What an instrument is. */
export interface AboutInstrument {
  unit?: string
  description?: string
  advice?: { explicitBucketBoundaries?: number[] }
}

/** A meter, as far as it is used. */
export interface MeterLike {
  createHistogram(name: string, about: AboutInstrument): HistogramLike
  createCounter(name: string, about: AboutInstrument): CounterLike
  createUpDownCounter(name: string, about: AboutInstrument): CounterLike
}

/** Such as a `MeterProvider` of `@opentelemetry/sdk-metrics`. */
export interface MeterProviderLike {
  getMeter(name: string): MeterLike
}

/** Where a span is in its trace. */
export interface SpanContextLike {
  traceId: string
  spanId: string
  traceFlags: number
  isRemote?: boolean | undefined
}

/** A span, as far as it is used. */
export interface SpanLike {
  spanContext(): SpanContextLike
  isRecording(): boolean
  addEvent(name: string, attributes: Record<string, string | number | boolean>): unknown
  addLink?(link: { context: SpanContextLike & { isRemote: boolean } }): unknown
  setAttribute(name: string, value: string): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

/** A tracer, as far as it is used. */
export interface TracerLike {
  startSpan(name: string, options: { kind: number; attributes: Record<string, string> }): SpanLike
}

/** Such as a `BasicTracerProvider` of `@opentelemetry/sdk-trace-base`. */
export interface TracerProviderLike {
  getTracer(name: string): TracerLike
}
