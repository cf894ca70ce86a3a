import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { startServer } from '../../src/testing/index.js'
import { until } from './kit.js'
import { assertBuilt, Process } from './process.js'

/** What a process holds: see scripts/faults/left-over.mjs. */
interface LeftOver {
  readonly timers: number
  readonly sockets: number
  readonly clients: number[]
  readonly signals: number[]
  readonly process: number
  readonly heap: number
}

interface Report {
  readonly counts: Record<string, number>
  readonly cuts: number
  readonly broken: string[]
  readonly warnings: string[]
  readonly bare: LeftOver
  readonly parts: (LeftOver & { readonly keys: string[] })[]
  readonly closed: LeftOver
  readonly connections: number
  readonly names: string[]
  readonly lives: number[]
}

const CYCLES = 10_000
const seed = Number(process.env['HOLDFAST_SEED'] || Date.now() % 1_000_000_000)
const child = fileURLToPath(new URL('leaks-child.mjs', import.meta.url))

afterAll(() => Process.killAll())

test.concurrent(`10,000 cycles with cuts, cancels, time-outs and closes leave nothing (HOLDFAST_SEED=${seed})`, async () => {
  assertBuilt()
  await using server = await startServer()
  const args = ['--expose-gc', child, server.url, String(seed), String(CYCLES)]
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  running.stdout.on('data', (text: Buffer) => (said += text.toString()))
  // One that is kept alive by something runs into this limit instead of its own end.
  const limit = setTimeout(() => running.kill('SIGKILL'), 110_000)
  const [code] = (await once(running, 'close')) as [number | null]
  clearTimeout(limit)
  if (said === '') throw new Error(`the process did not come to its end: exit code ${code}`)
  const report = JSON.parse(said) as Report
  const { counts, cuts, broken, warnings, bare, parts, closed } = report

  expect(broken).toEqual([])
  // Such as that of an emitter with too many listeners.
  expect(warnings).toEqual([])
  const outcomes = ['held', 'none', 'cancelled', 'ERR_TAKEN', 'ERR_TIMEOUT', 'ERR_CLOSED']
  const rare = ['ERR_LOST', 'ERR_UNAVAILABLE']
  // Only several servers have a quorum to miss.
  const never = 'ERR_NO_QUORUM'
  expect(Object.keys(counts).toSorted()).toEqual([...outcomes, ...rare, never].toSorted())
  expect(counts[never]).toBe(0)
  // Each of them came up, or it was not tried.
  expect(outcomes.filter((outcome) => counts[outcome] === 0)).toEqual([])
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(CYCLES)
  expect(cuts).toBeGreaterThan(100)

  for (const { keys, timers, clients, signals, process: listeners } of parts) {
    expect(keys).toEqual([])
    expect(timers).toBe(bare.timers)
    expect(signals).toEqual(bare.signals)
    expect(listeners).toBe(bare.process)
    // Three more each: whether the client ends, for the connection that is subscribed; its errors, and
    // when it is ready, which ends what is remembered of them.
    expect(clients).toEqual(bare.clients.map((count) => count + 3))
  }
  const sockets = parts.map((part) => part.sockets)
  expect(new Set(sockets)).toEqual(new Set([sockets[0]]))
  // What is left at each cycle grows in every part, what the engine makes for itself (compiled code) in
  // some. One object that is left would be a multiple of this.
  const growths = parts.slice(1).map(({ heap }, i) => (heap - parts[i]!.heap) / (0.2 * CYCLES))
  expect(Math.min(...growths)).toBeLessThan(64)

  expect(closed).toEqual({ ...bare, heap: expect.any(Number) as number })
  expect(report.connections).toBe(bare.clients.length)
  expect(report.names.every((key) => key.includes(':hf:fence:'))).toBe(true)
  expect(Math.min(...report.lives)).toBeGreaterThan(0)
  expect(code).toBe(0)
}, 120_000)

test.concurrent('processes that are killed while they hold and wait: free after the ttl, and nothing is left', async () => {
  await using server = await startServer()
  const [admin, client] = [new Redis(server.url), new Redis(server.url)]
  const locks = new Holdfast(client)
  const [ttl, claim] = [600, 300]
  const options = { ttl, claim, wait: 60_000 }
  let last = 0
  try {
    for (let round = 0; round < 6; round++) {
      const [holder, waiter] = (await Process.start(2, server.url)) as [Process, Process]
      const { fence } = await holder.ask('acquire', { name: 'a', options })
      const waiting = waiter.ask('acquire', { name: 'a', options })
      waiting.catch(() => {})
      await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(1))
      const next = locks.mutex('a', options).acquire()
      next.catch(() => {})
      await until(async () => expect((await locks.inspect('a')).waiterCount).toBe(2))
      // Longer than its first lease now and then, so that it is killed between renewals too.
      if (round % 2 === 1) await sleep(ttl + 70 * round)
      // Sometimes the one who would be next dies as well, before or after.
      const alone = round % 3 === 0
      if (round % 3 === 1) await waiter.kill()
      await holder.kill()
      if (round % 3 === 2) await waiter.kill()
      if (alone) {
        const second = await waiting
        expect(second.fence).toBeGreaterThan(fence)
        await waiter.kill()
      }
      const lock = await next
      expect(lock.fence).toBeGreaterThan(Math.max(fence, last))
      last = lock.fence
      expect(await lock.release()).toEqual({ released: true })
    }
    await until(async () => {
      const keys = await admin.keys('*')
      expect(keys.filter((key) => !key.includes(':hf:fence:'))).toEqual([])
      // This one's; those of the dead have gone with their connections.
      expect(await admin.pubsub('CHANNELS', '*')).toHaveLength(1)
      const connections = String(await admin.client('LIST'))
        .trim()
        .split('\n')
      expect(connections).toHaveLength(3)
    })
    for (const key of await admin.keys('*')) expect(await admin.pttl(key)).toBeGreaterThan(0)
  } finally {
    await locks.close()
    client.disconnect()
    admin.disconnect()
  }
}, 60_000)
