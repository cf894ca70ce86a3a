import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import manifest from '../package.json' with { type: 'json' }
import { holdfast, reasonOf, start } from './kit.js'

let server: RunningServer
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  server = await startServer()
  env = { REDIS_URL: server.url }
})
afterAll(() => server.stop())

describe('the command line', () => {
  test('says its version and its help on stdout', async () => {
    const version = await holdfast(['--version'])
    expect(version).toMatchObject({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
    const help = await holdfast(['acquire', '--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('--ttl <duration>')
  })

  test('help is --help, of all and of a command', async () => {
    const all = await holdfast(['help'])
    expect(all).toMatchObject({ code: 0, stderr: '' })
    expect(all.stdout).toBe((await holdfast(['--help'])).stdout)
    expect(all.stdout).toMatch(/^ +help +/m)
    const one = await holdfast(['help', 'acquire'])
    expect(one).toMatchObject({ code: 0, stderr: '' })
    expect(one.stdout).toBe((await holdfast(['acquire', '--help'])).stdout)
    const none = await holdfast(['help', 'aquire'])
    expect(none.code).toBe(64)
    expect(reasonOf(none)['msg']).toMatch(/aquire.*run, acquire/)
  })

  test.each([
    [['--url', 'redis://127.0.0.1:1', 'ls'], /'--url'.*: options stand behind the command$/],
    [['--json', 'ls'], /'--json'.*: options stand behind the command$/],
    [
      ['run', 'a', '-w', '5s', 'true'],
      /options of holdfast stand before the name, .*-w.* behind --/,
    ],
    [['run', 'a', '--url', 'redis://127.0.0.1:1', 'true'], /before the name, .*--url/],
    [['run', 'a', '-c'], /before the name, .*-c/],
    [['elect', 'a', 'ls', '-l'], /'-l'.*: options of the command stand behind --$/],
  ])('%j says where the option stands', async (args, message) => {
    const ended = await holdfast(args, env)
    expect(ended.code).toBe(64)
    expect(reasonOf(ended)).toMatchObject({
      reason: 'usage',
      msg: expect.stringMatching(message) as string,
    })
  })

  test('a command that begins with a dash stands behind --', async () => {
    const ended = await holdfast(['run', 'a', '--', '-no-such-command', '-w'], env)
    expect(ended.code).toBe(127)
    const unknown = await holdfast(['ls', '--no-such'], env)
    expect(reasonOf(unknown)['msg']).toBe("unknown option '--no-such'")
  })

  test.each([
    [[]],
    [['no-such-command']],
    [['acquire', 'a']],
    [['acquire', '--ttl', 'soon', 'a']],
    [['acquire', '--ttl', '1s', 'a', 'b']],
    [['acquire', '--ttl', '1s', 'a', '--url', 'http://example.com']],
    [['acquire', '--ttl', '1ms', 'a']],
    [['acquire', '--ttl', '1s', '--weight', '2', 'a']],
    [['acquire', '--ttl', '1s', '-n', '--wait', '3s', 'a']],
    [['acquire', '--ttl', '1s', '-s', '-x', 'a']],
  ])('%j is a mistake of the caller: 64, and one line that says why', async (args) => {
    const ended = await holdfast(args, env)
    expect(ended.code).toBe(64)
    expect(reasonOf(ended)).toMatchObject({ reason: 'usage', exit: '64' })
  })

  test.each([
    [
      ['run', '-t', '10ms', 'a', 'true'],
      '--ttl: expected a duration of at least 300 ms and at most a year, such as 10s, but got 10 ms',
    ],
    [
      ['acquire', '-t', '1ms', 'a'],
      '--ttl: expected a duration of at least 300 ms and at most a year, such as 10s, but got "1ms"',
    ],
    [
      ['run', '-w', '9000h', 'a', 'true'],
      '--wait: expected a duration of at least 0 ms and at most a year, such as 10s, or \'forever\', but got "9000h"',
    ],
    [['run', '--min-hold', '9000h', 'a', 'true'], /^--min-hold: expected a duration/],
    [
      ['run', '-N', '2', '--weight', '3', 'a', 'true'],
      '--weight: expected a whole number from 1 to 2, the limit, but got 3',
    ],
    [['doctor', '--timeout', '0'], /^--timeout: expected a duration of at least 1 ms/],
    [
      ['renew', 'a', '--owner', 'x'],
      '--owner: expected the owner id of a lock, as acquire prints it, but got "x"',
    ],
    [['release', 'a', '--owner', 'x'], /^--owner: expected .* as acquire prints it/],
    [['history', '--before', 'x'], '--before: expected the id of an entry, but got "x"'],
    [['inspect', ''], /^name: expected a non-empty string/],
  ])('of %j it says what is wrong in its own words and units', async (args, message) => {
    const ended = await holdfast(args, env)
    expect(ended.code).toBe(64)
    const { msg } = reasonOf(ended)
    if (typeof message === 'string') expect(msg).toBe(message)
    else expect(msg).toMatch(message)
  })

  test('without a server it guesses none', async () => {
    const ended = await holdfast(['acquire', '--ttl', '1s', 'a'])
    expect(ended.code).toBe(64)
    expect(reasonOf(ended)['msg']).toMatch(/REDIS_URL/)
  })

  test('a server that cannot be reached is 69, and its password stays out of what is said', async () => {
    const url = 'redis://me:secret@127.0.0.1:1'
    const ended = await holdfast(['acquire', '--ttl', '1s', 'a', '--url', url])
    expect(ended.code).toBe(69)
    expect(reasonOf(ended)).toMatchObject({ reason: 'unavailable' })
    expect(ended.stderr).toContain('127.0.0.1:1')
    expect(ended.stderr).not.toContain('secret')
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
  })

  test.each([
    [['run', 'a', 'echo', 'ran']],
    [['acquire', '--ttl', '5s', 'a']],
    [['elect', 'a']],
    [['elect', 'a', '--', 'echo', 'ran']],
    [['ls']],
    [['watch']],
    [['history']],
    [['ui', '--port', '0']],
  ])('a signal ends %j while it waits for a server that says nothing', async (args) => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const running = start(args, { REDIS_URL: `redis://127.0.0.1:${port}` })
    const [socket] = (await once(silent, 'connection')) as [Socket]
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 143, stdout: '', stderr: '' })
    socket.destroy()
    silent.close()
  })

  test('--json says the reason as one object', async () => {
    const ended = await holdfast([
      'acquire',
      '--ttl',
      '1s',
      'a',
      '--json',
      '--url',
      'redis://127.0.0.1:1',
    ])
    expect(JSON.parse(ended.stderr)).toMatchObject({
      event: 'exit',
      reason: 'unavailable',
      exit: 69,
    })
  })
})
