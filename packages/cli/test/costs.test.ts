// "The command line" of docs/costs.md: what each command sends to the server.
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { startHolder, until, type HolderProcess } from './holder.js'
import { holdfast, start } from './kit.js'

let server: RunningServer
let redis: Redis
let holder: HolderProcess
beforeAll(async () => {
  server = await startServer()
  redis = new Redis(server.url)
  holder = startHolder(server.url, 'a')
  for (const name of ['x', 'y', 'z']) await holder.tell(['take', name, '10m'], `holds ${name}`)
})
afterAll(async () => {
  await holder.end()
  redis.disconnect()
  await server.stop()
})

/** The figure of a row of the table. */
function figure(row: string): number {
  const text = readFileSync(new URL('../../../docs/costs.md', import.meta.url), 'utf8')
  const line = text.split('\n').find((one) => one.startsWith(`| ${row} |`))
  return Number(line?.split('|').at(-2))
}

async function scripts(): Promise<number> {
  const info = await redis.info('commandstats')
  const of = (name: string): number =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0)
  // One that the server did not know comes once more, as text.
  const failed = Number(/cmdstat_evalsha:.*failed_calls=(\d+)/.exec(info)?.[1] ?? 0)
  return of('evalsha') + of('eval') - failed
}

test.each([
  ['`inspect`; `ls` of one name', ['ls', 'x']],
  ['`ls`, of a server with few keys and 3 names', ['ls']],
  ['`history` of the prefix', ['history']],
  ['`deadlocks`, and none of 3 names waits', ['deadlocks']],
  ['`revoke`, `release --force`, of one holder', ['revoke', 'x']],
  ['`revoke`, `release --force`, of one holder', ['release', '--force', '--now', 'y']],
  ['`revoke`, `release --force`, and nobody holds it', ['release', '--force', 'nobody']],
])('%s: %j', async (row, args) => {
  await redis.config('RESETSTAT')
  const { code } = await holdfast(args, { REDIS_URL: server.url })
  expect(code).toBe(0)
  expect(await scripts()).toBe(figure(row))
})

test.each([
  ['`watch`, `top`: each look at the same server', ['watch', '*']],
  ['`watch`, `top`: each look at the same server', ['top', '--json', '*']],
  ['`watch` of one name: each look', ['watch', 'z']],
])('%s: %j', async (row, args) => {
  await redis.config('RESETSTAT')
  const watching = start([...args, '--interval', '60m'], { REDIS_URL: server.url })
  await watching.said(/z/)
  await until(async () => (await scripts()) >= figure(row))
  watching.child.kill('SIGINT')
  await watching.ended
  expect(await scripts()).toBe(figure(row))
})
