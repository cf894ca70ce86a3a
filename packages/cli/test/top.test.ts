// top in a real terminal, which is tmux: what stands on the screen, and that the terminal is given back.
import { execFile, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { startHolder, until, type HolderProcess } from './holder.js'
import { widthOf } from '../src/text.js'
import { holdfast, reasonOf } from './kit.js'

const BIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const installed = spawnSync('tmux', ['-V']).status === 0
if (!installed)
  process.stderr.write('top in a terminal is not tested: no tmux here (apt install tmux)\n')

const LIMIT_MS = 15_000
const run = promisify(execFile)
const SOCKET = `holdfast-${process.pid}`
const tmux = async (...args: string[]): Promise<string> =>
  (
    await run('tmux', ['-L', SOCKET, '-f', '/dev/null', ...args], {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
  ).stdout

let server: RunningServer
let holder: HolderProcess
const NAMES = ['plain', '日本語', '🔒👨\u200d👩', 'evil\x1b[2J\x1b[1;1H', 'n'.repeat(1000)]
beforeAll(async () => {
  server = await startServer()
  holder = startHolder(server.url, 'worker\x1b[7m')
  for (const name of NAMES) await holder.tell(['take', name], `holds ${name}`)
})
afterAll(async () => {
  await holder.end()
  await server.stop()
})

const screen = (): Promise<string> => tmux('capture-pane', '-p')
const keys = (...all: string[]): Promise<string> => tmux('send-keys', ...all)
/** A line for the shell. */
const type = async (line: string): Promise<void> => {
  await keys('-l', line)
  await keys('Enter')
}
/** The screen, when it shows that. */
async function shows(pattern: RegExp): Promise<string> {
  const end = Date.now() + LIMIT_MS
  for (let text = ''; ; await sleep(20)) {
    if (pattern.test((text = await screen()))) return text
    if (Date.now() > end) throw new Error(`it never showed ${pattern}:\n${text}`)
  }
}
/** Whether the other screen is shown, the cursor, and whether long lines are wrapped. */
const flags = async (): Promise<string> =>
  (await tmux('display-message', '-p', '#{alternate_on}#{cursor_flag}#{wrap_flag}')).trim()
const GIVEN_BACK = '011'
const TAKEN = '100'

describe.skipIf(!installed)('top', () => {
  beforeAll(async () => {
    await tmux(
      'new-session',
      '-d',
      '-x',
      '100',
      '-y',
      '20',
      '-e',
      `REDIS_URL=${server.url}`,
      'bash --norc --noprofile',
    )
    await type(
      `PS1='$ '; top() { "${process.execPath}" "${BIN}" top --interval 200ms "$@"; echo "code=$?"; }`,
    )
    await type('clear; stty -a | md5sum; echo before')
    await shows(/^before$/m)
  })
  afterEach(async () => {
    // For the next, whatever became of this one.
    await keys('C-c')
    await type('clear; echo ready')
    await shows(/^ready$/m)
  })
  afterAll(() => tmux('kill-server'))

  /** Starts it, and gives its process. */
  async function started(env = '', more = ''): Promise<number> {
    await type(`${env}top ${more}`)
    await shows(/^plain /m)
    const pane = (await tmux('display-message', '-p', '#{pane_pid}')).trim()
    return Number((await run('pgrep', ['-P', pane])).stdout.trim())
  }

  /** The terminal is as it was, and the shell's again. */
  async function isGivenBack(code: number): Promise<string> {
    const text = await shows(/^code=\d+$/m)
    expect(text).toContain(`code=${code}`)
    expect(await flags()).toBe(GIVEN_BACK)
    await type('clear; stty -a')
    expect(await shows(/^isig|\bisig\b/m)).toMatch(/[^-]icanon.*[^-]echo\b/s)
    return text
  }

  test('every name has its row and every cell its column, and q gives the terminal back', async () => {
    // One look, and everything else by keys and sizes.
    await started('', '--interval 60m')
    const whole = /\S {2,}worker\\x1b\[7m \(.*:\d+\) +exclusive +\S+ +\S+ +0 +-$/gm
    let lines: string[] = []
    // It may be looked at while it is drawn.
    await until(async () => {
      const text = await screen()
      lines = text.split('\n')
      return text.match(whole)?.length === NAMES.length
    })
    expect(await flags()).toBe(TAKEN)
    expect(lines[1]).toBe('5 held, 0 waiting for 0 of them')
    const rows = lines.slice(4, 9)
    const starts = rows.map((row) => row.split(/ {2,}/)[0])
    expect(starts).toEqual([
      'evil\\x1b[2J\\x1b[1;1H',
      `${'n'.repeat(12)}…${'n'.repeat(12)}`,
      'plain',
      '日本語',
      '🔒👨\\u{200d}👩',
    ])
    // As the terminal counts its columns.
    for (const row of rows) expect(widthOf(row.slice(0, row.indexOf('worker')))).toBe(27)
    await keys('s', 's', 's')
    await shows(/^by name/m)
    await keys('/', 'p', 'l', 'a')
    const filtered = await shows(/^\/pla_/m)
    expect(filtered.split('\n').slice(4, 6)).toEqual([expect.stringMatching(/^plain/), ''])
    await keys('Enter')
    await tmux('resize-window', '-x', '70', '-y', '8')
    const small = await shows(/^NAME {8}HELD BY/m)
    expect(small.split('\n').every((line) => line.length <= 70)).toBe(true)
    await tmux('resize-window', '-x', '100', '-y', '20')
    await keys('q')
    await isGivenBack(0)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('%s gives the terminal back', async (signal, code) => {
    const pid = await started()
    expect(await flags()).toBe(TAKEN)
    process.kill(pid, signal)
    await isGivenBack(code)
  })

  test('a mistake of the program gives it back before it is printed', async () => {
    const fails = 'data:text/javascript,process.on(%22SIGUSR2%22,()=>{throw%20Error(%22boom%22)})'
    const pid = await started(`NODE_OPTIONS='--import=${fails}' `)
    process.kill(pid, 'SIGUSR2')
    expect(await shows(/^code=\d+$/m)).toContain('Error: boom')
    expect(await flags()).toBe(GIVEN_BACK)
  })

  test('Ctrl-Z lets the shell have the terminal, and fg goes on', async () => {
    await started()
    await keys('C-z')
    await shows(/Stopped/)
    expect(await flags()).toBe(GIVEN_BACK)
    await type('fg')
    await until(async () => (await flags()) === TAKEN)
    await shows(/^plain /m)
    await keys('q')
    await until(async () => (await flags()) === GIVEN_BACK)
  })

  test('Ctrl-C ends it', async () => {
    await started()
    await keys('C-c')
    await isGivenBack(0)
  })
})

test('without a terminal it says so', async () => {
  const env = { REDIS_URL: server.url }
  const ended = await holdfast(['top'], env)
  expect(ended.code).toBe(64)
  expect(reasonOf(ended)['msg']).toMatch(/terminal/)
})
