import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import type { Kind, Made, Options } from './kinds.js'

export const until = <T>(check: () => T): Promise<Awaited<T>> =>
  vi.waitFor(check, { timeout: 5000, interval: 5 }) as Promise<Awaited<T>>

/** Of the test that runs: each has a server of its own. */
export let server: RunningServer
export let admin: Redis
let made: Made[] = []
const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)

beforeEach(async () => {
  process.on('unhandledRejection', note)
  const engine = process.env['HOLDFAST_ENGINE'] as 'redis' | 'valkey' | undefined
  server = await startServer({ engine })
  admin = new Redis(server.url)
  admin.on('error', () => {})
})

afterEach(async () => {
  for (const one of made) {
    await one.port.close()
    one.end()
  }
  made = []
  admin.disconnect()
  await server.stop()
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

export const info = async (section: string, field: RegExp): Promise<number> =>
  Number(field.exec(await admin.info(section))?.[1] ?? 0)
export const calls = (command: string): Promise<number> =>
  info('commandstats', new RegExp(`cmdstat_${command}:calls=(\\d+)`))
export const connections = async (filter = /./): Promise<number> =>
  String(await admin.client('LIST'))
    .trim()
    .split('\n')
    .filter((line) => filter.test(line)).length
export const subscribers = async (channel: string): Promise<unknown> =>
  (await admin.pubsub('NUMSUB', channel))[1]

/** What a promise rejects with, caught at once so that it may be looked at later. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  )

/** Makes clients of a kind, which end with their test. */
export function makers(kind: Kind): {
  readonly make: (options?: Options, url?: string) => Promise<Made>
  readonly connected: (options?: Options) => Promise<Made>
} {
  const make = async (options?: Options, url = server.url): Promise<Made> => {
    const one = await kind.make(url, options)
    made.push(one)
    return one
  }
  const connected = async (options?: Options): Promise<Made> => {
    const one = await make(options)
    await one.connect()
    return one
  }
  return { make, connected }
}
