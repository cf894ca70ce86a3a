// At a terminal: the command stays in the foreground, and keys are its own.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { BIN } from './kit.js'

let server: RunningServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const pty = fileURLToPath(new URL('terminal.py', import.meta.url))
const python = spawnSync('python3', ['--version']).status === 0

/** Runs `holdfast run` at a terminal, and types `keys` when it has said `when`. */
async function atTerminal(args: string[], when: string, keys: string) {
  const child = spawn('python3', [pty, when, keys, process.execPath, BIN, 'run', ...args], {
    env: { ...process.env, REDIS_URL: server.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, said }
}

describe.skipIf(!python)('at a terminal', () => {
  test('Ctrl-C is the command’s, once, and its code is ours', async () => {
    const script = `trap 'echo got INT; n=1$n' INT; echo ready; while [ -z "$n" ]; do sleep 0.05; done
      sleep 0.2; echo "n=$n"; exit 3`
    const { code, said } = await atTerminal(['keys', 'bash', '-c', script], 'ready', '\x03')
    expect(said).toContain('got INT')
    expect(said).toContain('n=1\r\n')
    expect(code).toBe(3)
  })

  test('it reads lines, and has the terminal by name', async () => {
    const script = 'echo ready; read line < /dev/tty; echo "read: $line"; test -t 0 && echo tty'
    const { code, said } = await atTerminal(['lines', 'sh', '-c', script], 'ready', 'typed\n')
    expect(said).toMatch(/read: typed\r\ntty\r\n$/)
    expect(code).toBe(0)
  })

  test('it is stopped with all that it has started, though the group is ours too', async () => {
    const deaf = 'trap "" TERM; while :; do sleep 0.05; done'
    const script = `sh -c '${deaf}' & echo other=$!; ${deaf}`
    const args = ['--max-hold', '300ms', '-g', '200ms', 'tree', 'sh', '-c', script]
    const { code, said } = await atTerminal(args, 'other', '')
    expect(code).toBe(124)
    expect(said).toMatch(/reason=max-hold exit=124 .*signal=SIGKILL/)
    const other = Number(/other=(\d+)/.exec(said)![1])
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', `${other}`], { encoding: 'utf8' })
    expect(stdout).toMatch(/^(Z.*)?\s*$/)
  })
})
