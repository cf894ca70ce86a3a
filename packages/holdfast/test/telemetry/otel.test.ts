// A real SDK of OpenTelemetry, on real servers.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { context, metrics as metricsApi, trace as traceApi } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fencedRedis } from '../../src/fencing/index.js'
import { instrument } from '../../src/telemetry/otel.js'
import { assertBuilt } from '../real/process.js'
import { engines, refusal, until, World } from '../real/kit.js'

/** What a tracer of its own exports. */
function tracing(options: object = {}): { tracerProvider: BasicTracerProvider; spans: Spans } {
  const exporter = new InMemorySpanExporter()
  const spanProcessors = [new SimpleSpanProcessor(exporter)]
  const tracerProvider = new BasicTracerProvider({ spanProcessors, ...options })
  return { tracerProvider, spans: () => exporter.getFinishedSpans() }
}
type Spans = () => readonly ReadableSpan[]

/** What a meter of its own exports: value (of a histogram the count) by name and attributes. */
function metering(): {
  meterProvider: MeterProvider
  values: () => Promise<Record<string, number>>
} {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const values = async (): Promise<Record<string, number>> => {
    exporter.reset()
    await meterProvider.forceFlush()
    const [{ scopeMetrics } = { scopeMetrics: [] }] = exporter.getMetrics()
    const points = scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor: { name }, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => {
          const its = Object.values(attributes).join(' ')
          return [`${name} ${its}`.trim(), typeof value === 'number' ? value : value.count] as const
        }),
      ),
    )
    return Object.fromEntries(points.filter(([, value]) => value !== 0))
  }
  return { meterProvider, values }
}

describe.each(engines)('on %s', (engine) => {
  let world: World
  let ends: (() => unknown)[] = []
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterEach(async () => {
    await world.clean()
    for (const end of ends) await end()
    ends = []
  })
  afterAll(() => world.stop())

  /** As an application does: what it starts with. */
  const start = (options: Parameters<typeof instrument>[0]): (() => void) => {
    const stop = instrument(options)
    ends.push(stop)
    return stop
  }

  test('metrics: a lock of each type, what failed, what was lost; and nothing of a name', async () => {
    const { meterProvider, values } = metering()
    ends.push(() => meterProvider.shutdown())
    const stop = start({ meterProvider, tracerProvider: null })
    const [a, b] = [world.locks(), world.locks()]
    const lock = await a.mutex('secret:1', { ttl: 3000, expectedHold: 50 }).acquire()
    expect(await b.mutex('secret:1').tryAcquire()).toBeNull()
    await refusal(b.mutex('secret:1').acquire({ wait: 1000 }))
    const aborted = new AbortController()
    const waiting = b.mutex('secret:1').acquire({ signal: aborted.signal })
    // Once its answer has come: the server knows before.
    await until(async () =>
      expect(await values()).toMatchObject({
        'holdfast.hold.count mutex': 1,
        'holdfast.waiter.count mutex': 1,
      }),
    )
    aborted.abort()
    await refusal(waiting)
    await until(async () =>
      expect(Object.keys(await values())).toEqual(
        expect.arrayContaining(['holdfast.lease.margin mutex', 'holdfast.hold.overruns mutex']),
      ),
    )
    const next = b.mutex('secret:1').acquire()
    await until(async () => expect((await a.inspect('secret:1')).waiterCount).toBe(1))
    await lock.release()
    await (await next).release()
    await a
      .readWrite('rw')
      .read()
      .use(() => null)
    await a
      .readWrite('rw')
      .write()
      .use(() => null)
    await a.semaphore('s', { limit: 2 }).use(() => null)
    await (await a.election('e').campaign()).resign()
    const lost = await a.mutex('secret:2').acquire()
    await a.forceRelease('secret:2')
    await until(() => expect(lost.isHeld).toBe(false))
    const store = fencedRedis(world.client())
    await store.claim('report', 2)
    await refusal(store.claim('report', 1))
    const found = await values()
    const { 'holdfast.lease.margin mutex': margins, ...rest } = found
    expect(margins).toBeGreaterThan(0)
    expect(rest).toEqual({
      'holdfast.acquire.duration mutex acquired': 3,
      'holdfast.acquire.duration mutex taken': 1,
      'holdfast.acquire.duration mutex timeout': 1,
      'holdfast.acquire.duration mutex aborted': 1,
      'holdfast.acquire.duration read acquired': 1,
      'holdfast.acquire.duration write acquired': 1,
      'holdfast.acquire.duration semaphore acquired': 1,
      'holdfast.acquire.duration leader acquired': 1,
      'holdfast.hold.duration mutex released': 2,
      'holdfast.hold.duration mutex forced': 1,
      'holdfast.hold.duration read released': 1,
      'holdfast.hold.duration write released': 1,
      'holdfast.hold.duration semaphore released': 1,
      'holdfast.hold.duration leader released': 1,
      'holdfast.renewals mutex confirmed': margins,
      'holdfast.losses mutex forced': 1,
      'holdfast.hold.overruns mutex': 1,
      'holdfast.wakeups mutex': 1,
      'holdfast.fence.rejections': 1,
    })
    // What is held or waits when it ends is not counted for ever.
    await a.mutex('secret:3').acquire()
    stop()
    expect(await values()).toEqual({ ...found, 'holdfast.acquire.duration mutex acquired': 4 })
  })

  test('a span of each call, in the trace of its caller; links to whoever holds', async () => {
    const { tracerProvider, spans } = tracing()
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    ends.push(() => context.disable())
    start({ tracerProvider, meterProvider: null })
    const tracer = tracerProvider.getTracer('test')
    const [a, b] = [world.locks(), world.locks()]
    const lock = await tracer.startActiveSpan('job', async (job) => {
      const taken = await a.mutex('a').acquire()
      job.end()
      return taken
    })
    const waiting = b.mutex('a').acquire()
    await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
    await refusal(b.readWrite('a').read().acquire({ wait: 0 }))
    await refusal(b.mutex('a').acquire({ wait: 1000 }))
    await lock.release()
    await (await waiting).release()
    const [first, job, taken, timeout, second, ...more] = spans()
    expect(more).toEqual([])
    expect(first).toMatchObject({
      name: 'holdfast.acquire mutex',
      kind: 0,
      attributes: {
        'holdfast.lock.type': 'mutex',
        'holdfast.lock.name': 'a',
        'holdfast.acquire.outcome': 'acquired',
      },
      links: [],
    })
    expect(first!.parentSpanContext?.spanId).toBe(job!.spanContext().spanId)
    expect(first!.events.map(({ name }) => name)).toEqual(['granted'])
    expect(first!.events[0]!.attributes).toMatchObject({ 'holdfast.fence': lock.fence })
    const { traceId, spanId } = first!.spanContext()
    const link = { context: { traceId, spanId, traceFlags: 1, isRemote: true } }
    expect(second!.events.map(({ name }) => name)).toEqual(['queued', 'granted'])
    expect(taken!.name).toBe('holdfast.acquire read')
    for (const span of [second!, taken!, timeout!]) expect(span.links).toMatchObject([link])
    expect(taken!.status.code).toBe(0)
    expect(timeout!.attributes).toMatchObject({ 'error.type': 'ERR_TIMEOUT' })
    expect(timeout!.status.code).toBe(2)
  })

  test('a link to the trace of another process that holds the lock', async () => {
    assertBuilt()
    const { tracerProvider, spans } = tracing()
    const holder = fork(
      fileURLToPath(new URL('holder.mjs', import.meta.url)),
      [world.server.url, 'shared'],
      { execArgv: [] },
    )
    ends.push(() => holder.kill('SIGKILL'))
    const [theirs] = (await once(holder, 'message')) as [{ traceId: string; spanId: string }]
    start({ tracerProvider, meterProvider: null })
    const locks = world.locks()
    const { holders } = await locks.inspect('shared')
    expect(holders).toMatchObject([
      { label: 'the other one', trace: `00-${theirs.traceId}-${theirs.spanId}-01` },
    ])
    const waiting = locks.mutex('shared').acquire()
    await until(async () => expect((await locks.inspect('shared')).waiterCount).toBe(1))
    holder.send('release')
    await (await waiting).release()
    const [mine] = spans()
    expect(mine!.links.map((one) => one.context)).toEqual([
      { traceId: theirs.traceId, spanId: theirs.spanId, traceFlags: 1, isRemote: true },
    ])
    expect(mine!.spanContext().traceId).not.toBe(theirs.traceId)
    await once(holder, 'exit')
  })

  test('nothing of a trace is sent of a call that is not sampled, nor when it has ended', async () => {
    const { tracerProvider, spans } = tracing({ sampler: new AlwaysOffSampler() })
    const recorded = tracing({
      sampler: { shouldSample: () => ({ decision: SamplingDecision.RECORD }) },
    })
    const stop = start({ tracerProvider, meterProvider: null })
    const locks = world.locks()
    const record = async (): Promise<string> => {
      const lock = await locks.mutex('a').acquire()
      const text = (await world.admin.get('{lock:a}:hf:fence:lock:a'))!
      await lock.release()
      return text.replaceAll(/\d{13,}|\S+\.\d+/g, '')
    }
    const unsampled = await record()
    stop()
    const stopToo = start({ tracerProvider: recorded.tracerProvider, meterProvider: null })
    expect(unsampled).toBe(await record())
    stopToo()
    expect(unsampled).toBe(await record())
    expect(unsampled).toContain(`,${process.pid}]`)
    expect(spans()).toEqual([])
  })
})

test('what is registered with the API is taken; without it nothing is done', async () => {
  instrument()()
  const { tracerProvider, spans } = tracing()
  const { meterProvider, values } = metering()
  traceApi.setGlobalTracerProvider(tracerProvider)
  metricsApi.setGlobalMeterProvider(meterProvider)
  const stop = instrument({ lockLabel: (name) => name.split(':')[0] })
  const { Holdfast } = await import('../../src/index.js')
  const locks = Holdfast.inMemory()
  try {
    await locks.mutex('invoice:42').use(() => null)
    expect(spans().map(({ name }) => name)).toEqual(['holdfast.acquire mutex'])
    expect(await values()).toMatchObject({ 'holdfast.acquire.duration mutex invoice acquired': 1 })
  } finally {
    stop()
    await locks.close()
    traceApi.disable()
    metricsApi.disable()
    await meterProvider.shutdown()
  }
})

test('the span of a call that still waits is ended with the rest, and told', async () => {
  const { tracerProvider, spans } = tracing()
  const { Holdfast } = await import('../../src/index.js')
  const locks = Holdfast.inMemory()
  const lock = await locks.mutex('a').acquire()
  const stop = instrument({ tracerProvider, meterProvider: null })
  const call = locks.mutex('a').acquire()
  await until(async () => (await locks.inspect('a')).waiterCount === 1)
  stop()
  expect(spans().map(({ name }) => name)).toEqual(['holdfast.acquire mutex'])
  expect(spans()[0]!.attributes).not.toHaveProperty('holdfast.acquire.outcome')
  await lock.release()
  await (await call).release()
  expect(spans()).toHaveLength(1)
  await locks.close()
})

test('what cannot be right is refused', () => {
  for (const [wrong, message] of [
    [{ meterProvider: {} }, 'options.meterProvider'],
    [{ tracerProvider: 7 }, 'options.tracerProvider'],
    [{ lockLabel: 'name' }, 'options.lockLabel'],
    [{ lockLabels: 0 }, 'options.lockLabels'],
    [{ metreProvider: null }, 'options.metreProvider'],
    ['otel', 'options'],
  ] as const) {
    expect(() => instrument(wrong as never)).toThrow(message)
  }
})
