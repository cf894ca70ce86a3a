// Several runs of one name: on machines with the same crontab, after one was killed, and on both sides of a
// server that stands still.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { holdfast, reasonOf, start } from './kit.js'

let server: RunningServer
let redis: Redis
let env: NodeJS.ProcessEnv
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  server = await startServer()
  redis = new Redis(server.url)
  env = { REDIS_URL: server.url }
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
  rmSync(folder, { recursive: true })
})

const file = (name: string): string => join(folder, name)
const lines = (name: string): string[] => readFileSync(file(name), 'utf8').trim().split('\n')
const serverMs = async (): Promise<number> => {
  const [seconds, micros] = (await redis.time()) as unknown as [number, number]
  return Number(seconds) * 1000 + Number(micros) / 1000
}

test('ten at once run the command once, however short it is', async () => {
  const job = ['run', '-n', '--min-hold', '5m', 'nightly', 'sh', '-c', `echo ran >> ${file('job')}`]
  const ended = await Promise.all(Array.from({ length: 10 }, () => holdfast(job, env)))
  expect(ended.filter(({ code }) => code === 0)).toHaveLength(1)
  expect(ended.filter(({ code }) => code === 75)).toHaveLength(9)
  expect(lines('job')).toEqual(['ran'])
  expect(await redis.pttl('lock:nightly')).toBeGreaterThan(60_000)
})

test('after SIGKILL of one the next one has the lock when the lease is over, and not before', async () => {
  const first = start(['run', '-t', '3s', 'killed', 'sh', '-c', 'echo me=$$; exec sleep 60'], env)
  const child = Number((await first.said(/me=(\d+)/))[1])
  const second = start(['run', 'killed', 'sh', '-c', 'echo fence=$HOLDFAST_FENCE'], env)
  await expect
    .poll(() => redis.exists('{lock:killed}:hf:line:lock:killed'), { timeout: 15_000 })
    .toBe(1)
  first.child.kill('SIGKILL')
  const expires = (await serverMs()) + (await redis.pttl('lock:killed'))
  const [, fence] = await second.said(/fence=(\d+)/)
  // The first one's command is nobody's now: what it writes a resource has to refuse, by its fence.
  process.kill(child, 'SIGKILL')
  expect(await second.ended).toMatchObject({ code: 0 })
  expect(Number(fence) / 1000).toBeGreaterThan(expires - 50)
})

test('on both sides of a server that stands still: the first command is dead before the second begins, and before its lease ends', async () => {
  const beat = (name: string): string =>
    `trap "" TERM; echo in $HOLDFAST_EXPIRES_AT; while :; do date +%s%N >> ${file(name)}; sleep 0.01; done`
  const first = start(['run', '-v', '-t', '4s', 'frozen', 'sh', '-c', beat('first')], env)
  await first.said(/^in \d+/m)
  const second = start(['run', '-v', 'frozen', 'sh', '-c', `date +%s%N > ${file('second')}`], env)
  await second.said(/event=waiting/)
  // It was just renewed, and is not again for a while.
  const left = (): Promise<number> => redis.pttl('lock:frozen')
  await expect.poll(left, { timeout: 15_000, interval: 20 }).toBeGreaterThan(3600)
  const ends = (await serverMs()) + (await left())
  server.freeze()
  try {
    const ended = await first.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({ reason: 'lost', cause: 'unrenewed', signal: 'SIGKILL' })
  } finally {
    server.thaw()
  }
  expect(await second.ended).toMatchObject({ code: 0 })
  const ms = (nanos: string | undefined): number => Number(BigInt(nanos!) / 1_000_000n)
  const last = ms(lines('first').at(-1))
  expect(last).toBeLessThan(ends)
  expect(last).toBeLessThan(ms(lines('second')[0]))
})
