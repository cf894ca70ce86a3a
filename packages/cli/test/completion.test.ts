import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RunningServer } from 'holdfast/testing'
import { holdfast, reasonOf, start } from './kit.js'

const BIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const run = promisify(execFile)

let server: RunningServer
let redis: Redis
let folder: string
beforeAll(async () => {
  server = await startServer()
  redis = new Redis(server.url)
  folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
  // A holdfast as npm makes one.
  const bin = join(folder, 'holdfast')
  writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`)
  chmodSync(bin, 0o755)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
  rmSync(folder, { recursive: true })
})

const environment = (url: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${folder}:${process.env['PATH']}`,
  REDIS_URL: url,
})

/** What an interactive bash offers for each line, with the cursor at its end. */
async function offered(
  lines: readonly string[],
  url = server.url,
  before = '',
): Promise<readonly (readonly string[])[]> {
  // As bash itself does it: words parted at its break characters, then the function.
  const script = `
    ${before}
    eval "$(holdfast completion bash)"
    complete -p holdfast > /dev/null || exit 1
    while IFS= read -r COMP_LINE; do
      COMP_POINT=\${#COMP_LINE}
      read -ra COMP_WORDS <<< "$COMP_LINE"
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _holdfast holdfast
      (IFS=,; printf '=%s\\n' "\${COMPREPLY[*]}")
    done <<< "$LINES_TO_TRY"
  `
  const { stdout } = await run('bash', ['--norc', '-ic', script], {
    env: { ...environment(url), LINES_TO_TRY: lines.join('\n') },
  })
  const answers = stdout.split('\n').filter((line) => line.startsWith('='))
  expect(answers).toHaveLength(lines.length)
  // Readline shows each once.
  return answers.map((line) => [...new Set(line.slice(1).split(','))].filter(Boolean).toSorted())
}

describe('completion in bash', () => {
  test('commands, options, choices', async () => {
    const [commands, ...rest] = await offered([
      'holdfast ',
      'holdfast acq',
      'holdfast acquire --no',
      'holdfast acquire name --w',
      'holdfast completion z',
      // What stands behind an option is for its user, and counts as no name.
      'holdfast acquire --ttl ',
      'holdfast acquire --ttl --n',
      'holdfast no-such-command ',
      'holdfast run --on-lost w',
      // Behind the name of the lock it is another command's line.
      'holdfast run job mkfif',
      'holdfast run job mkfifo --w',
    ])
    expect(commands).toEqual(
      expect.arrayContaining(['acquire', 'ls', 'doctor', 'completion', '--help']),
    )
    expect(rest).toEqual([
      ['acquire'],
      ['--no-color', '--nonblock'],
      ['--wait', '--weight'],
      ['zsh'],
      [],
      [],
      [],
      ['warn'],
      ['mkfifo'],
      [],
    ])
  })

  test('names that are held now, also with colons, of the server and prefix of the line', async () => {
    for (const name of ['invoice:42', 'invoice:43', 'nightly', 'two words', 'a*b']) {
      await redis.set(`lock:${name}`, 'somebody', 'PX', 60_000)
    }
    await redis.set('other:thing', 'somebody', 'PX', 60_000)
    const names = await offered([
      'holdfast inspect ',
      'holdfast revoke -v ni',
      'holdfast inspect invoice:4',
      'holdfast inspect *',
      'holdfast inspect nightly ',
      `holdfast release --url ${server.url} --prefix other: `,
    ])
    expect(names).toEqual([
      ['invoice:42', 'invoice:43', 'nightly'],
      ['nightly'],
      // Readline replaces what stands behind the last colon only.
      ['42', '43'],
      [],
      [],
      ['thing'],
    ])
    const guarded = `holdfast release --strict-failover --prefix other: `
    expect(await offered([guarded], server.url, 'export HOLDFAST_EPOCH=1')).toEqual([['thing']])
    const whole = 'COMP_WORDBREAKS=${COMP_WORDBREAKS//:}'
    expect(await offered(['holdfast inspect invoice:42'], server.url, whole)).toEqual([
      ['invoice:42'],
    ])
  })

  test('no server, or one that is away or says nothing: no names, and no word', async () => {
    expect(await offered(['holdfast inspect '], '')).toEqual([[]])
    const silent = { code: 0, stdout: '', stderr: '' }
    const away = await holdfast(['completion', 'names', '--url', 'redis://127.0.0.1:1'])
    expect(away).toMatchObject(silent)
    server.freeze()
    const patient = start(['ls'], { REDIS_URL: server.url })
    const names = holdfast(['completion', 'names'], { REDIS_URL: server.url })
    const first = await Promise.race([names, patient.ended])
    patient.child.kill('SIGKILL')
    server.thaw()
    expect(first).toMatchObject(silent)
    expect(await names).toBe(first)
  })
})

describe.each(['bash', 'zsh', 'fish'])('completion %s', (shell) => {
  test('has every command and option, and is understood by the shell', async () => {
    const { stdout, code } = await holdfast(['completion', shell])
    expect(code).toBe(0)
    const help = await holdfast(['--help'])
    const commands = [...help.stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!)
    expect(commands).toContain('doctor')
    for (const command of commands) expect(stdout).toMatch(new RegExp(`\\b${command}\\b`))
    expect(stdout).toMatch(/nonblock/)
    // Not installed everywhere.
    const checked = await run(shell, ['-n', '-c', stdout]).catch(
      (error: { code: unknown }) => error,
    )
    expect(['ENOENT', undefined]).toContain('code' in checked ? checked.code : undefined)
  })
})

test('a shell that is none', async () => {
  const ended = await holdfast(['completion', 'csh'])
  expect(ended.code).toBe(64)
  expect(reasonOf(ended)['msg']).toMatch(/bash, zsh, fish/)
  expect((await holdfast(['completion', 'bash', 'x'])).code).toBe(64)
})
