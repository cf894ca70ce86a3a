import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { holdfast, reasonOf, start } from './kit.js'

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

describe('acquire', () => {
  test('leaves the lock to whoever has its owner id, and prints it for a shell', async () => {
    const name = "it's mine; $(false)"
    const { stdout, code } = await holdfast(['acquire', name, '--ttl', '20s'], env)
    expect(code).toBe(0)
    const script = `eval "$1"; printf '%s\\n' "$HOLDFAST_NAME" "$HOLDFAST_OWNER" "$HOLDFAST_FENCE"`
    const shell = await promisify(execFile)('sh', ['-c', script, 'sh', stdout])
    const [said, owner, fence] = shell.stdout.split('\n')
    expect(said).toBe(name)
    expect(await redis.get(`lock:${name}`)).toBe(owner)
    expect(fence).toMatch(/^\d{16}$/)
    expect(await redis.pttl(`lock:${name}`)).toBeGreaterThan(10_000)
  })

  test('--json prints one object; a lock that is taken is 75 and says by whom', async () => {
    const first = await holdfast(['acquire', 'b', '--ttl', '20s', '--json', '--label', 'me'], env)
    const said = JSON.parse(first.stdout) as Record<string, unknown>
    expect(said).toMatchObject({ name: 'b', owner: await redis.get('lock:b') })
    expect(said['expiresAt']).toBeGreaterThan(Date.now())
    const second = await holdfast(['acquire', 'b', '--ttl', '20s'], env)
    expect(second).toMatchObject({ code: 75, stdout: '' })
    expect(reasonOf(second)).toMatchObject({
      reason: 'taken',
      name: 'b',
      label: 'me',
      owner: said['owner'],
    })
  })

  test('a signal ends its wait, and leaves no place in the line', async () => {
    await redis.set('lock:c', 'somebody', 'PX', 60_000)
    const waiting = start(['acquire', 'c', '--ttl', '20s', '--wait', 'forever'], env)
    await expect.poll(() => redis.exists('{lock:c}:hf:line:lock:c')).toBe(1)
    waiting.child.kill('SIGTERM')
    expect(await waiting.ended).toMatchObject({ code: 143, stdout: '', stderr: '' })
    expect(await redis.exists('{lock:c}:hf:line:lock:c')).toBe(0)
  })
})
