import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { BIN, holdfast, reasonOf, start } from './kit.js'

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
    await expect.poll(() => redis.exists('{lock:c}:hf:line:lock:c'), { timeout: 15_000 }).toBe(1)
    waiting.child.kill('SIGTERM')
    expect(await waiting.ended).toMatchObject({ code: 143, stdout: '', stderr: '' })
    expect(await redis.exists('{lock:c}:hf:line:lock:c')).toBe(0)
  })
})

test('acquire gives back what nobody hears of', async () => {
  const running = start(['acquire', 'unheard', '--ttl', '60s'], env)
  running.child.stdout!.destroy()
  expect(await running.ended).toMatchObject({ code: 141 })
  expect(await redis.exists('{lock:unheard}:hf:fence:lock:unheard')).toBe(1)
  expect(await redis.exists('lock:unheard')).toBe(0)
})

describe('renew and release', () => {
  const script = `
    lock=$("$0" "$1" acquire deploy --ttl 2s) || exit; eval "$lock"; first=$HOLDFAST_OWNER$HOLDFAST_FENCE
    lock=$("$0" "$1" renew deploy --ttl 1m) || exit; eval "$lock"; echo "$((HOLDFAST_EXPIRES_AT / 1000))"
    test "$first" = "$HOLDFAST_OWNER$HOLDFAST_FENCE" && echo same
    "$0" "$1" release another; echo "another: $?"
    "$0" "$1" release deploy; echo "mine: $?"
    "$0" "$1" release deploy; echo "again: $?"
    "$0" "$1" renew deploy; echo "renewed: $?"`

  test('go on with it in a shell, by what acquire has exported', async () => {
    const shell = promisify(execFile)('sh', ['-c', script, process.execPath, BIN], {
      env: { ...process.env, ...env },
    })
    const { stdout, stderr } = await shell
    const [expires, ...rest] = stdout.trim().split('\n')
    expect(Number(expires) - Date.now() / 1000).toBeGreaterThan(30)
    expect(rest).toEqual(['same', 'another: 64', 'mine: 0', 'again: 124', 'renewed: 124'])
    expect(stderr).toContain('reason=lost exit=124 name=deploy')
    expect(await redis.exists('lock:deploy')).toBe(0)
  })

  test('--json, with an owner id that is given; --force is of others', async () => {
    const taken = await holdfast(['acquire', 'd', '--ttl', '20s', '--json', '-s'], env)
    const { owner } = JSON.parse(taken.stdout) as { owner: string }
    const renewed = await holdfast(['renew', 'd', '--owner', owner, '--json'], env)
    expect(JSON.parse(renewed.stdout)).toMatchObject({ name: 'd', owner })
    const both = await holdfast(['release', 'd', '--owner', owner, '--force'], env)
    expect(both.code).toBe(64)
    const released = await holdfast(['release', 'd', '--owner', owner, '--json'], env)
    expect(JSON.parse(released.stdout)).toEqual({ name: 'd', owner, released: true })
  })
})
