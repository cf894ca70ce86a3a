// How a command is stopped, and when: before its lease can be over.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import { reasonOf, start, type Running } from './kit.js'

let server: RunningServer
let redis: Redis
let locks: Holdfast
let env: NodeJS.ProcessEnv
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  server = await startServer()
  redis = new Redis(server.url)
  locks = new Holdfast(redis)
  env = { REDIS_URL: server.url }
})
afterAll(async () => {
  await locks.close()
  redis.disconnect()
  await server.stop()
  rmSync(folder, { recursive: true })
})

const alive = (pid: number): boolean => {
  try {
    // A zombie is dead, but whoever is to take its leave may be slow.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
const pidOf = async (running: Running, what: string): Promise<number> =>
  Number((await running.said(new RegExp(`${what}=(\\d+)`)))[1])

/** Or whatever others do meanwhile: this server is asked for nothing else. */
const renewals = async (): Promise<number> =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

/** Ends nothing by itself, and tells its process id. */
const FOREVER = 'echo me=$$; while :; do sleep 0.05; done'
const DEAF = `trap "" TERM; ${FOREVER}`

describe('a command that is stopped', () => {
  test('may clean up: --max-hold, SIGTERM, and the lock is its own until it has ended', async () => {
    const script = `trap 'echo cleaning; read x; exit 0' TERM; ${FOREVER}`
    const running = start(['run', '--max-hold', '100ms', 'clean', 'sh', '-c', script], env)
    await running.said(/cleaning/)
    expect(await redis.exists('lock:clean')).toBe(1)
    running.child.stdin!.end('\n')
    const ended = await running.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({
      reason: 'max-hold',
      exit: '124',
      name: 'clean',
      code: '0',
    })
    expect(await redis.exists('lock:clean')).toBe(0)
  })

  test('that ignores SIGTERM gets SIGKILL, and so does what it has started', async () => {
    const script = `trap "" TERM; sh -c '${DEAF.replaceAll('me=', 'grandchild=')}' & ${DEAF}`
    const args = ['run', '-v', '--max-hold', '300ms', '-g', '300ms', 'deaf', 'sh', '-c', script]
    const running = start(args, env)
    const pids = await Promise.all([pidOf(running, 'me'), pidOf(running, 'grandchild')])
    const ended = await running.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({ reason: 'max-hold', signal: 'SIGKILL' })
    expect(pids.map(alive)).toEqual([false, false])
  })

  test('that goes by itself leaves nothing behind that ignores SIGTERM', async () => {
    const script = `sh -c '${DEAF.replaceAll('me=', 'grandchild=')}' & ${FOREVER}`
    const args = ['run', '-v', '--max-hold', '300ms', '-g', '300ms', 'orphan', 'sh', '-c', script]
    const running = start(args, env)
    const orphan = await pidOf(running, 'grandchild')
    const ended = await running.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({ reason: 'max-hold', signal: 'SIGTERM' })
    expect(ended.stderr).toContain('event=killing')
    expect(alive(orphan)).toBe(false)
  })

  test('though somebody has stopped it by SIGSTOP, ends by SIGTERM', async () => {
    const script = `trap 'exit 5' TERM; ${FOREVER}`
    const running = start(
      ['run', '--max-hold', '1s', '-g', '9s', 'stopped', 'sh', '-c', script],
      env,
    )
    process.kill(await pidOf(running, 'me'), 'SIGSTOP')
    const ended = await running.ended
    expect(reasonOf(ended)).toMatchObject({ reason: 'max-hold', code: '5' })
  })

  test('because the lock was taken away: now', async () => {
    const running = start(['run', '-t', '6s', 'forced', 'sh', '-c', FOREVER], env)
    const pid = await pidOf(running, 'me')
    await locks.forceRelease('forced', { now: true })
    const ended = await running.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({ reason: 'lost', cause: 'gone', signal: 'SIGTERM' })
    expect(alive(pid)).toBe(false)
  })

  test('because the lock was taken away, and ends well by that, was stopped all the same', async () => {
    const script = `trap 'exit 0' TERM; ${FOREVER}`
    const running = start(['run', '-t', '6s', 'well', 'sh', '-c', script], env)
    await running.said(/me=/)
    await redis.del('lock:well')
    const reason = reasonOf(await running.ended)
    expect(reason).toMatchObject({ reason: 'lost', cause: 'gone', code: '0' })
    expect(reason['msg']).toMatch(/^the command was stopped: /)
  })

  test('because its end was forced: it may clean up, and nobody has the lock before it has ended', async () => {
    const script = `trap 'echo cleaning; read x; exit 0' TERM; ${FOREVER}`
    // It is heard of at the next renewal.
    const running = start(['run', '-t', '9s', '-g', '4s', 'ended', 'sh', '-c', script], env)
    await running.said(/me=/)
    await locks.forceRelease('ended')
    await running.said(/cleaning/)
    expect(await locks.mutex('ended').tryAcquire()).toBeNull()
    running.child.stdin!.end('\n')
    const ended = await running.ended
    expect(reasonOf(ended)).toMatchObject({ reason: 'lost', cause: 'forced', code: '0' })
    // It was given back, and has not only run out.
    expect(await redis.exists('lock:ended')).toBe(0)
  })

  test('because its end was forced, and ignores that: SIGKILL before somebody else has the lock', async () => {
    const running = start(['run', '-t', '2s', 'ignored', 'sh', '-c', DEAF], env)
    const pid = await pidOf(running, 'me')
    await locks.forceRelease('ignored')
    const next = await locks.mutex('ignored').acquire({ wait: '60s' })
    expect(alive(pid)).toBe(false)
    await next.release()
    const ended = await running.ended
    expect(reasonOf(ended)).toMatchObject({ reason: 'lost', cause: 'forced', signal: 'SIGKILL' })
  })

  test('gets no grace when its lease is over already, because we stood still', async () => {
    const script = `trap 'sleep 0.3; echo cleaned' TERM; ${FOREVER}`
    const running = start(['run', '-t', '2s', 'paused', 'sh', '-c', script], env)
    const pid = await pidOf(running, 'me')
    running.child.kill('SIGSTOP')
    await expect.poll(() => redis.exists('lock:paused'), { timeout: 15_000 }).toBe(0)
    running.child.kill('SIGCONT')
    const ended = await running.ended
    expect(ended).toMatchObject({ code: 124, stdout: `me=${pid}\n` })
    expect(reasonOf(ended)).toMatchObject({ reason: 'lost', cause: 'expired', signal: 'SIGKILL' })
  })

  test('because somebody asks for the lock; it is its own until it has ended', async () => {
    const script = `trap 'echo cleaning; read x; exit 0' TERM; ${FOREVER}`
    const running = start(['run', '-t', '6s', 'revoked', 'sh', '-c', script], env)
    await running.said(/me=/)
    await locks.revoke('revoked')
    await running.said(/cleaning/)
    expect(await redis.exists('lock:revoked')).toBe(1)
    running.child.stdin!.end('\n')
    const ended = await running.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({ reason: 'revoked' })
  })

  test.each([
    ['warn', /^holdfast: event=lost name=warned .*cause=gone/m],
    ['ignore', /^$/],
  ])('not with --on-lost %s', async (what, said) => {
    const script = 'echo me=$$; read x; exit 3'
    const args = ['run', '-t', '3s', '--on-lost', what, 'warned', 'sh', '-c', script]
    const running = start(args, env)
    await running.said(/me=/)
    await redis.del('lock:warned')
    if (what === 'warn') await running.said(said)
    else {
      // It asks for a renewal, and is refused.
      const before = await renewals()
      await expect.poll(renewals, { timeout: 15_000 }).toBeGreaterThan(before)
    }
    running.child.stdin!.end('\n')
    const ended = await running.ended
    expect(ended.code).toBe(3)
    expect(ended.stderr).toMatch(said)
  })

  test('a command that ended well after the lock was lost did not end well', async () => {
    const running = start(['run', 'late', 'sh', '-c', 'echo me=$$; read x'], env)
    await running.said(/me=/)
    await redis.del('lock:late')
    running.child.stdin!.end('\n')
    const ended = await running.ended
    expect(ended.code).toBe(124)
    expect(reasonOf(ended)).toMatchObject({ reason: 'lost', cause: 'gone', code: '0' })
    expect(reasonOf(ended)['msg']).toMatch(/^the command had ended: /)
  })
})

describe('signals', () => {
  test('are passed on', async () => {
    const names = ['INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH'] as const
    const traps = names.map((name) => `trap 'echo got ${name}' ${name}`).join('; ')
    const script = `${traps}; trap 'exit 6' TERM; ${FOREVER}`
    const running = start(['run', 'signals', 'sh', '-c', script], env)
    await running.said(/me=/)
    for (const name of names) {
      running.child.kill(`SIG${name}`)
      await running.said(new RegExp(`got ${name}`))
    }
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 6 })
    expect(await redis.exists('lock:signals')).toBe(0)
  })

  test('one that the command dies of is the code', async () => {
    const running = start(['run', 'dies', 'sh', '-c', FOREVER], env)
    await running.said(/me=/)
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 143, stderr: '' })
  })
})
