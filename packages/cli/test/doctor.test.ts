import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { holdfast, reasonOf } from './kit.js'

let server: RunningServer
let redis: Redis
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  server = await startServer()
  redis = new Redis(server.url)
  env = { REDIS_URL: server.url }
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

/** Round trips of a busy machine are no business of these tests. */
const QUICK = ['--over', '0s', '--timeout', '5s']

describe('doctor', () => {
  test('exits with 1 for warnings, and says what to do', async () => {
    // The server of the tests keeps nothing.
    const { code, stdout, stderr } = await holdfast(['doctor', ...QUICK], env)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toMatch(/^warning {2}persistence +no AOF and no RDB.*\n +→ Use strictFailover/m)
    expect(stdout).toMatch(/^ok {7}lock +acquired, renewed and released/m)
    expect(stdout.trim().split('\n').at(-1)).toBe('1 warning, 1 note')
  })

  test('exits with 0 where nothing is worse than a note', async () => {
    await redis.config('SET', 'appendonly', 'yes')
    const { code, stdout } = await holdfast(['doctor', ...QUICK, '--json'], env)
    await redis.config('SET', 'appendonly', 'no')
    expect(code).toBe(0)
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding)
    expect(findings.find(({ id }) => id === 'persistence')).toMatchObject({
      severity: 'note',
      server: null,
      values: { aof: true, fsync: 'everysec' },
    })
    expect(findings.map(({ id }) => id)).toContain('rights')
  })

  test('exits with 2 for errors: a right that is missing, by its name', async () => {
    await redis.call('ACL', 'SETUSER', 'u', 'on', '>p', '~*', '&*', '+@all', '-zadd')
    const url = `redis://u:p@${server.host}:${server.port}`
    const { code, stdout } = await holdfast(['doctor', ...QUICK, '--url', url])
    expect(code).toBe(2)
    expect(stdout).toMatch(/^error {4}rights +missing: \+zadd\n/m)
  })

  test('what the programs have is what it judges by', async () => {
    const { stdout } = await holdfast(['doctor', ...QUICK, '--replicas', '1'], env)
    expect(stdout).toMatch(/^error {4}replicas +0 replicas; 1 have to acknowledge/m)
  })

  test('several servers, one of them away: each by its address, then all', async () => {
    await using other = await startServer()
    const away = `redis://:secret@${other.host}:1`
    const args = [server.url, other.url, away].flatMap((url) => ['--url', url])
    const { code, stdout } = await holdfast(['doctor', ...QUICK, '--timeout', '1s', ...args])
    expect(code).toBe(2)
    const heads = stdout.split('\n').filter((line) => /^(redis:|all$)/.test(line))
    expect(heads).toEqual([server.url, other.url, `redis://***@${other.host}:1`, 'all'])
    expect(stdout).toMatch(/^warning {2}servers +2 of 3 servers answer/m)
    expect(stdout).not.toContain('secret')
  })

  test('a server that cannot be reached at all is 69, as for every command', async () => {
    const ended = await holdfast(['doctor', '--url', 'redis://127.0.0.1:1'])
    expect(ended).toMatchObject({ code: 69, stdout: '' })
    expect(reasonOf(ended)).toMatchObject({ reason: 'unavailable' })
  })
})
