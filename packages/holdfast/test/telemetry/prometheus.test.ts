// What is written for Prometheus after a real run (test/interop has the parser of another library); and that
// dashboard and alerts ask for what is there.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fencedRedis } from '../../src/fencing/index.js'
import { Holdfast } from '../../src/index.js'
import { instrument } from '../../src/telemetry/otel.js'
import { metrics } from '../../src/telemetry/prometheus.js'
import { World as SimulatedWorld } from '../kit/world.js'
import { engines, refusal, until, World } from '../real/kit.js'

/** Series by name and labels, read strictly: each line is what the format allows (version 0.0.4). */
function read(written: string): { types: readonly string[]; values: Map<string, number> } {
  const values = new Map<string, number>()
  const types: string[] = []
  const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"`
  const sample = new RegExp(
    String.raw`^([a-z_]+(?:\{${label}(?:,${label})*\})?) (-?\d+(?:\.\d+)?(?:e-?\d+)?)$`,
  )
  expect(written.endsWith('\n')).toBe(true)
  for (const line of written.slice(0, -1).split('\n')) {
    const type = /^# TYPE ([a-z_]+ (?:counter|gauge|histogram))$/.exec(line)
    if (type) types.push(type[1]!)
    else if (!/^# HELP [a-z_]+ [^\n]+$/.test(line)) {
      const [, series, value] = sample.exec(line) ?? []
      if (series === undefined || values.has(series)) throw new Error(`no good line: ${line}`)
      values.set(series, Number(value))
    }
  }
  return { types, values }
}

let world: World
/** What came of one run in which everything happens, by both ways out, and when all is let go. */
let text: string
let otel: string
let contentType: string | null
beforeAll(async () => {
  world = await World.start(engines[0]!)
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const meterProvider = new MeterProvider({ readers: [exporter] })
  const stop = instrument({ meterProvider, tracerProvider: null, lockLabel: label })
  using holdfast = metrics({ lockLabel: label })
  const server = createServer((_request, response) => {
    response.setHeader('content-type', holdfast.contentType).end(holdfast.text())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await everything(() => holdfast.text())
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  contentType = answer.headers.get('content-type')
  text = await answer.text()
  const { resourceMetrics } = await exporter.collect()
  otel = new PrometheusSerializer().serialize(resourceMetrics)
  server.close()
  stop()
  await meterProvider.shutdown()
})
afterAll(async () => {
  await world.clean()
  await world.stop()
})

// What has to be escaped is no reason to lose the series.
const label = (name: string): string | undefined =>
  name === 'quoted' ? 'a "b"\\\nc' : name === 'throws' ? raise() : undefined
const raise = (): never => {
  throw new Error('no label')
}

async function everything(written: () => string): Promise<void> {
  const [a, b] = [world.locks(), world.locks()]
  const lock = await a.mutex('a', { ttl: 3000, expectedHold: 20 }).acquire()
  await b.mutex('a').tryAcquire()
  await refusal(b.mutex('a').acquire({ wait: 30 }))
  const next = b.mutex('a').acquire()
  await until(async () => expect((await a.inspect('a')).waiterCount).toBe(1))
  // Until it was renewed.
  await until(() => expect(written()).toContain('holdfast_lease_margin_seconds_count'))
  await lock.release()
  await (await next).release()
  await a.mutex('quoted').use(() => null)
  await a.mutex('throws').use(() => null)
  const lost = await a.mutex('b').acquire()
  await a.forceRelease('b', { now: true })
  await until(() => expect(lost.isHeld).toBe(false))
  const store = fencedRedis(world.client())
  await store.claim('report', 2)
  await refusal(store.claim('report', 1))
  await a.mutex('held').acquire()
  await until(async () => expect((await a.inspect('held')).holders).toHaveLength(1))
}

test('a strict reader: types, values, buckets that add up, labels with all that is escaped', () => {
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  const { types, values } = read(text)
  expect(types).toEqual([
    'holdfast_acquire_duration_seconds histogram',
    'holdfast_hold_duration_seconds histogram',
    'holdfast_lease_margin_seconds histogram',
    'holdfast_hold_count gauge',
    'holdfast_waiter_count gauge',
    'holdfast_renewals_total counter',
    'holdfast_losses_total counter',
    'holdfast_deadlocks_total counter',
    'holdfast_wakeups_total counter',
    'holdfast_hold_overruns_total counter',
    'holdfast_fence_rejections_total counter',
  ])
  const mutex = 'holdfast_lock_type="mutex"'
  expect(values.get(`holdfast_hold_count{${mutex}}`)).toBe(1)
  expect(values.get(`holdfast_waiter_count{${mutex}}`)).toBe(0)
  expect(values.get(`holdfast_hold_overruns_total{${mutex}}`)).toBe(1)
  expect(values.get('holdfast_fence_rejections_total')).toBe(1)
  expect(values.get(`holdfast_losses_total{${mutex},holdfast_loss_reason="forced"}`)).toBe(1)
  // Zero before it is one: else the first raises no alarm.
  expect(values.get(`holdfast_losses_total{${mutex},holdfast_loss_reason="expired"}`)).toBe(0)
  const margin = 'holdfast_lease_margin_seconds'
  const buckets = [...values].filter(([series]) => series.startsWith(`${margin}_bucket`))
  const counts = buckets.map(([, count]) => count)
  expect(counts).toHaveLength(15)
  expect(counts).toEqual(counts.toSorted((x, y) => x - y))
  expect(buckets.at(-1)).toEqual([`${margin}_bucket{${mutex},le="+Inf"}`, counts.at(-1)])
  expect(values.get(`${margin}_count{${mutex}}`)).toBe(counts.at(-1))
  expect(values.get(`${margin}_sum{${mutex}}`)).toBeGreaterThan(0)
  const quoted = String.raw`holdfast_lock_label="a \"b\"\\\nc"`
  const released = 'holdfast_release_reason="released"'
  expect(values.get(`holdfast_hold_duration_seconds_count{${mutex},${quoted},${released}}`)).toBe(1)
})

/** Each series without its value; of the exporter without what it adds of itself. */
const series = (written: string): string[] =>
  written
    .split('\n')
    .filter((line) => line !== '' && !/^(# HELP|# UNIT|target_info|# TYPE target_info)/.test(line))
    .map((line) => line.replace(/,?otel_scope_\w+="[^"]*"/g, '').replace('{}', ''))
    .map((line) => (line.startsWith('#') ? line : line.replace(/\{,/, '{').replace(/ \S+$/, '')))
    .toSorted()

test('series are those that the exporter of OpenTelemetry makes of the same run', () => {
  // The one in JavaScript leaves out the unit, which its specification and the collector put behind the name.
  const units = otel.replace(
    /holdfast_(acquire_duration|hold_duration|lease_margin)/g,
    '$&_seconds',
  )
  expect(series(text)).toEqual(series(units))
})

/** Metrics and labels that an expression names. */
function named(expr: string): { metrics: string[]; labels: string[] } {
  const words = (part: string): string[] => part.match(/\bholdfast_\w+/g) ?? []
  const selectors =
    /\{[^}]*\}|\b(?:by|without|on|ignoring)\s*\([^)]*\)|label_values\([^,]*,[^)]*\)/g
  const labels = (expr.match(selectors) ?? []).flatMap((part) =>
    words(part.replace(/label_values\([^,]*,/, '')),
  )
  return {
    metrics: words(
      expr.replace(selectors, (part) =>
        part.split(',')[0]!.replace(/^(\{|by|without|on|ignoring).*/, ''),
      ),
    ),
    labels,
  }
}

const file = (name: string): string =>
  readFileSync(new URL(`../../grafana/${name}`, import.meta.url), 'utf8')

/** All texts of one key, at whatever depth. */
function texts(key: string, within: unknown): string[] {
  if (typeof within !== 'object' || within === null) return []
  return Object.entries(within).flatMap(([name, inner]) =>
    name === key && typeof inner === 'string' ? [inner] : texts(key, inner),
  )
}

test('dashboard and alerts name only what is emitted, and all of it is on the dashboard', () => {
  const samples = text.split('\n').filter((line) => line.startsWith('holdfast'))
  const emitted = new Set(samples.map((line) => /^\w+/.exec(line)![0]))
  const labels = new Set(
    samples.flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, l]) => l)),
  )
  const dashboard: unknown = JSON.parse(file('dashboard.json'))
  const alerts = [...file('alerts.yaml').matchAll(/^ +expr: (.+)$/gm)].map(([, expr]) => expr!)
  const shown = [...texts('expr', dashboard), ...texts('definition', dashboard)]
  expect(shown.length).toBeGreaterThan(20)
  expect(alerts).toHaveLength(7)
  for (const expr of [...shown, ...alerts]) {
    const asked = named(expr)
    const unknown = [
      ...asked.metrics.filter((metric) => !emitted.has(metric)),
      ...asked.labels.filter((one) => !labels.has(one)),
    ]
    expect({ expr, asks: asked.metrics.length > 0, unknown }).toEqual({
      expr,
      asks: true,
      unknown: [],
    })
  }
  const families = read(text).types.map((type) => type.split(' ')[0]!)
  const all = [...shown, ...alerts].join('\n')
  for (const name of families) expect(all).toContain(name)
})

test('labels of locks: only if asked for, and no more than so many', async () => {
  using none = metrics()
  using few = metrics({ lockLabel: (name) => name, lockLabels: 2 })
  const locks = Holdfast.inMemory()
  for (const name of ['a', 'b', 'c', 'd', 'a']) await locks.mutex(name).use(() => null)
  await locks.close()
  expect(none.text()).not.toContain('holdfast_lock_label')
  const counts = few
    .text()
    .split('\n')
    .filter((line) => line.startsWith('holdfast_hold_duration_seconds_count'))
    .map((line) => /label="(\w+)".* (\d+)$/.exec(line)!.slice(1).join(' '))
  expect(counts).toEqual(['a 2', 'b 1', 'other 2'])
})

test('labels that Prometheus takes for one and the same are one series', async () => {
  // The first halves of these pairs of surrogates differ, and neither can be written in UTF-8.
  using halves = metrics({ lockLabel: (name) => name[0] })
  // To Prometheus a label that is empty is none.
  using empty = metrics({ lockLabel: (name) => /^(\w*):/.exec(name)?.[1] })
  const locks = Holdfast.inMemory()
  for (const name of ['😀', '🤖', ':a', 'b']) await locks.mutex(name).use(() => null)
  await locks.close()
  const asRead = (text: string): Map<string, number> => read(Buffer.from(text).toString()).values
  const series = 'holdfast_hold_count{holdfast_lock_type="mutex"'
  const labels = (text: string): string[] =>
    [...asRead(text).keys()]
      .filter((key) => key.startsWith(series))
      .map((key) => key.slice(series.length))
  expect(labels(halves.text())).toEqual([
    ',holdfast_lock_label="�"}',
    ',holdfast_lock_label=":"}',
    ',holdfast_lock_label="b"}',
  ])
  expect(labels(empty.text())).toEqual(['}'])
})

test('a call that is told its place again and again waits once', async () => {
  using holdfast = metrics()
  const w = new SimulatedWorld()
  const { locks } = w.client({}, { localHandovers: 16 })
  const lock = await w.client().locks.mutex('a').acquire()
  const calls = [1, 2].map(() => w.watch(locks.mutex('a').acquire({ wait: Infinity })))
  // The waiter asks again when the lease that it knows of should have run out.
  await w.advance(60_000)
  expect(w.net.count('acquire')).toBeGreaterThan(5)
  expect(holdfast.text()).toContain('holdfast_waiter_count{holdfast_lock_type="mutex"} 2\n')
  await lock.release()
  await w.advance(100)
  await calls[0]!.value.release()
  await w.advance(100)
  expect(holdfast.text()).toContain('holdfast_waiter_count{holdfast_lock_type="mutex"} 0\n')
  await calls[1]!.value.release()
  await locks.close()
})

test('what is stopped measures no more', async () => {
  const one = metrics()
  const locks = Holdfast.inMemory()
  await locks.mutex('a').use(() => null)
  one.stop()
  const before = one.text()
  await locks.mutex('a').use(() => null)
  await locks.close()
  expect(one.text()).toBe(before)
  expect(() => metrics({ lockLabels: 1.5 })).toThrow('options.lockLabels')
})
