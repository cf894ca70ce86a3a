import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { BIN, holdfast, reasonOf, start } from './kit.js'

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

describe('run', () => {
  test('gives the command its own words, stdin, and what it has to know of the lock', async () => {
    const script = 'read line; echo "$line $*"; env | grep ^HOLDFAST_ | sort; exit 7'
    const args = ['run', '-n', 'job', '--', 'sh', '-c', script, 'sh']
    const running = start([...args, '--json', '-la', '--wait', '9', '--'], env)
    running.child.stdin!.end('what came by stdin\n')
    const { code, stdout, stderr } = await running.ended
    expect(code).toBe(7)
    expect(stderr).toBe('')
    const [line, ...rest] = stdout.trim().split('\n')
    expect(line).toBe('what came by stdin --json -la --wait 9 --')
    const said = Object.fromEntries(rest.map((text) => text.split(/=(.*)/s) as [string, string]))
    expect(said).toMatchObject({ HOLDFAST_NAME: 'job', HOLDFAST_PREFIX: 'lock:' })
    expect(said['HOLDFAST_FENCE']).toMatch(/^\d{16}$/)
    expect(said['HOLDFAST_OWNER']).toMatch(/^[0-9a-f]{32}\.\d+$/)
    expect(Number(said['HOLDFAST_EXPIRES_AT'])).toBeGreaterThan(
      Number(said['HOLDFAST_FENCE']) / 1000,
    )
    expect(JSON.parse(said['HOLDFAST_HELD']!)).toEqual([['lock:job', said['HOLDFAST_OWNER']]])
    expect(await redis.exists('lock:job')).toBe(0)
  })

  test.each([
    ['exits', ['sh', '-c', 'exit 3'], 3, undefined],
    ['is ended by a signal', ['sh', '-c', 'kill -KILL $$'], 137, undefined],
    ['does not exist', ['no-such-command-anywhere'], 127, 'not-found'],
    ['is an empty word', [''], 127, 'not-found'],
    ['cannot be executed', ['/etc/passwd'], 126, 'cannot-execute'],
    ['is below a file', ['/etc/passwd/a'], 126, 'cannot-execute'],
    ['has too long a name', ['a'.repeat(300)], 126, 'cannot-execute'],
  ])('of a command that %s', async (_, command, code, reason) => {
    // Kept for as long as it takes, if anything of it has run.
    const ended = await holdfast(['run', '--min-hold', '1h', `code ${code}`, ...command], env)
    expect(ended.code).toBe(code)
    expect(reasonOf(ended)['reason']).toBe(reason)
    expect(await redis.exists(`lock:code ${code}`)).toBe(reason === undefined ? 1 : 0)
  })

  test.each([
    ['before the name', ['-c', 'echo one | cat', 'shell']],
    ['behind it, as of flock', ['shell', '-c', 'echo one | cat']],
  ])('takes a line for the shell %s', async (_, args) => {
    expect(await holdfast(['run', ...args], env)).toMatchObject({ code: 0, stdout: 'one\n' })
  })

  test.each([
    [['name']],
    [['-c', 'true', 'name', 'true']],
    [['--signal', 'NONE', 'name', 'true']],
    [['--json', '--json-fd', '77', 'name', 'true']],
    [['-n', '-w', '3s', 'name', 'true']],
    [['--ttl', '100ms', 'name', 'true']],
    [['--json-fd', '2', 'name', 'true']],
    [['--max-hold', '0', 'name', 'true']],
    [['--max-hold', '0.0m', 'name', 'true']],
  ])('%j is a mistake of the caller', async (args) => {
    const ended = await holdfast(['run', ...args], env)
    expect(ended.code).toBe(64)
    expect(ended.stderr).toMatch(/reason"?[=:]"?usage/)
  })

  test('of a lock that is taken: 75, or -E, or with -q nothing at all', async () => {
    await redis.set('lock:taken', 'somebody', 'PX', 60_000)
    const [one, two, three, four] = await Promise.all([
      holdfast(['run', '-n', 'taken', 'echo', 'ran'], env),
      holdfast(['run', '-w', '200ms', '-E', '9', 'taken', 'echo', 'ran'], env),
      holdfast(['run', '-n', '-q', 'taken', 'echo', 'ran'], env),
      holdfast(['run', '-n', '-q', '-E', '0', 'other', 'echo', 'ran'], env),
    ])
    expect(one).toMatchObject({ code: 75, stdout: '' })
    expect(reasonOf(one)).toMatchObject({ reason: 'taken', exit: '75', name: 'taken' })
    expect(two).toMatchObject({ code: 9, stdout: '' })
    expect(reasonOf(two)).toMatchObject({ reason: 'timeout', exit: '9' })
    expect(three).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(four).toMatchObject({ code: 0, stdout: 'ran\n' })
  })

  test('--json says what happens, on the descriptor that it is given', async () => {
    const events = join(folder, 'events')
    const args = ['run', '--json', '--json-fd', '3', '--label', 'me', 'said', 'sh', '-c', 'exit 4']
    const running = start(args, env, {
      stdio: ['ignore', 'pipe', 'pipe', openSync(events, 'w')],
    })
    expect(await running.ended).toMatchObject({ code: 4, stdout: '', stderr: '' })
    const lines = readFileSync(events, 'utf8').trim().split('\n')
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(said.map(({ event }) => event)).toEqual(['acquired', 'started', 'ended', 'released'])
    expect(said[2]).toMatchObject({ code: 4, signal: null })
    expect(said[3]).toMatchObject({ released: true })
  })

  test('readers hold it together, and a writer not with them', async () => {
    const readers = [1, 2].map(() =>
      start(['run', '-s', 'book', 'sh', '-c', 'echo in; read x'], env),
    )
    await Promise.all(readers.map((reader) => reader.said(/in/)))
    const writer = await holdfast(['run', '-n', 'book', 'true'], env)
    expect(writer.code).toBe(75)
    for (const { child } of readers) child.stdin!.end('\n')
    for (const { ended } of readers) expect(await ended).toMatchObject({ code: 0 })
  })

  test('--permits is a semaphore', async () => {
    const take = (...more: string[]): string[] => [
      'run',
      '-N',
      '3',
      ...more,
      'api',
      'sh',
      '-c',
      'echo in; read x',
    ]
    const two = start(take('--weight', '2'), env)
    const one = start(take(), env)
    await Promise.all([two.said(/in/), one.said(/in/)])
    expect(await holdfast(take('-n'), env)).toMatchObject({ code: 75 })
    const other = await holdfast(['run', '-n', '-N', '4', 'api', 'true'], env)
    expect(other.code).toBe(69)
    expect(reasonOf(other)).toMatchObject({ reason: 'config', name: 'api' })
    expect(reasonOf(other)['msg']).toMatch(/give the same --permits\.$/)
    one.child.stdin!.end('\n')
    two.child.stdin!.end('\n')
    expect(await one.ended).toMatchObject({ code: 0 })
    expect(await two.ended).toMatchObject({ code: 0 })
  })

  test('inside of a run of the same name it refuses, and does not wait for itself', async () => {
    const script = '"$0" "$1" run "$2" echo inside'
    const nested = (name: string): ReturnType<typeof holdfast> =>
      holdfast(['run', 'nested', 'sh', '-c', script, process.execPath, BIN, name], env)
    const same = await nested('nested')
    expect(same.code).toBe(75)
    expect(reasonOf(same)).toMatchObject({ reason: 'deadlock', name: 'nested' })
    expect(await nested('another')).toMatchObject({ code: 0, stdout: 'inside\n' })
    // What a run has started may outlive it.
    const stale = { HOLDFAST_HELD: JSON.stringify([['lock:nested', `${'0'.repeat(32)}.1`]]) }
    const later = await holdfast(['run', 'nested', 'echo', 'later'], { ...env, ...stale })
    expect(later).toMatchObject({ code: 0, stdout: 'later\n' })
  })

  test('a signal ends its wait: nothing runs, and no place is left', async () => {
    await redis.set('lock:line', 'somebody', 'PX', 60_000)
    const waiting = start(['run', '-v', 'line', 'echo', 'ran'], env)
    await waiting.said(/event=waiting/)
    waiting.child.kill('SIGTERM')
    expect(await waiting.ended).toMatchObject({ code: 143, stdout: '' })
    expect(await redis.exists('{lock:line}:hf:line:lock:line')).toBe(0)
  })
})
