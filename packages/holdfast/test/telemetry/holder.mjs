// A process of its own with a tracer of its own, on the built package: takes the lock, says where its span
// is, and lets go when it is told.
import { once } from 'node:events'
import {
  InMemorySpanExporter,
  BasicTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { Holdfast } from 'holdfast'
import { instrument } from 'holdfast/otel'
import { Redis } from 'ioredis'

const [url, name] = process.argv.slice(2)
const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(exporter)],
})
const stop = instrument({ tracerProvider, meterProvider: null })
const redis = new Redis(url)
const locks = new Holdfast(redis, { label: 'the other one' })
const lock = await locks.mutex(name).acquire()
const [span] = exporter.getFinishedSpans()
process.send({ ...span.spanContext(), name: span.name })
await once(process, 'message')
await lock.release()
stop()
await locks.close()
redis.disconnect()
process.disconnect()
