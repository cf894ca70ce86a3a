import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The program as it is built: `npm test` builds it first, and who runs one file alone does it by hand. */
export const BIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export interface Ended {
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** Resolves when it has ended and all that it wrote was read. */
  readonly ended: Promise<Ended>
  /** Resolves when it has written that to stdout or stderr. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** Starts `holdfast` with these arguments. Nothing of our own environment says where a server is. */
export function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  options: SpawnOptions = {},
): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: 'pipe',
    ...options,
    env: { ...cleanEnv(), ...env },
  })
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  const hear = (): void => waiting.forEach((look) => look())
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    hear()
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    hear()
  })
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    hear()
    return { code, signal, stdout, stderr }
  })
  const said = async (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(stdout) ?? pattern.exec(stderr)
        if (!found) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      void ended.then(({ code }) =>
        reject(new Error(`it ended with ${code} and never said ${pattern}:\n${stdout}${stderr}`)),
      )
    })
  return { child, pid: child.pid!, ended, said }
}

/** Runs `holdfast` to its end. */
export function holdfast(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const running = start(args, env)
  running.child.stdin?.end()
  return running.ended
}

function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([key]) => !/^(HOLDFAST_|REDIS_URL$|NO_COLOR$)/.test(key),
  )
  return Object.fromEntries(kept)
}

/** The fields of a reason line. */
export function reasonOf({ stderr }: Ended): Record<string, string> {
  const line = /^holdfast: (reason=.*)$/m.exec(stderr)?.[1] ?? ''
  const fields = line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g)
  return Object.fromEntries(
    [...fields].map(([, key, value]) => [
      key!,
      value!.startsWith('"') ? (JSON.parse(value!) as string) : value!,
    ]),
  )
}
