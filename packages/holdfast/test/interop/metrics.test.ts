// The metrics of holdfast/prometheus, read by Prometheus' own client library.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { metrics } from '../../src/telemetry/prometheus.js'
import { metricsReader } from './programs.mjs'

interface Family {
  readonly name: string
  readonly type: string
  readonly samples: readonly [string, Record<string, string>, string][]
}

const reader = metricsReader()
const skip = typeof reader === 'string' && process.env['HOLDFAST_INTEROP'] !== 'all'

test.skipIf(skip)('each series comes out as it went in', async () => {
  if (typeof reader === 'string') throw new Error(reader)
  const label = 'a "b"\\\nc'
  using holdfast = metrics({ lockLabel: (name) => (name === 'quoted' ? label : undefined) })
  const locks = Holdfast.inMemory()
  await locks.mutex('quoted').use(() => null)
  await locks.semaphore('s', { limit: 1 }).use(() => null)
  await locks.mutex('held').acquire()
  const text = holdfast.text()
  await locks.close()
  const [command, ...args] = reader
  const { stdout, stderr, status } = spawnSync(command!, args, { input: text, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const families = JSON.parse(stdout) as Family[]
  expect(families.map(({ name, type }) => `${name} ${type}`)).toContain(
    'holdfast_acquire_duration_seconds histogram',
  )
  expect(families.map(({ type }) => type)).not.toContain('unknown')
  const samples = families.flatMap((family) => family.samples)
  expect(samples).toHaveLength(
    text.split('\n').filter((line) => line.startsWith('holdfast')).length,
  )
  const its = { holdfast_lock_type: 'mutex', holdfast_lock_label: label }
  const released = { ...its, holdfast_release_reason: 'released' }
  expect(samples).toContainEqual(['holdfast_hold_duration_seconds_count', released, '1.0'])
  expect(samples).toContainEqual(['holdfast_hold_count', { holdfast_lock_type: 'mutex' }, '1.0'])
})
