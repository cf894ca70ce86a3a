import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const FILE = fileURLToPath(new URL('holder.mjs', import.meta.url))

/** A process that holds locks and waits for them: holder.mjs. */
export interface HolderProcess {
  readonly pid: number
  /** What it is to do; when it has said that, or at once. */
  tell(what: readonly unknown[], said?: string): Promise<void>
  /** Resolves when it has said that line. */
  said(line: string): Promise<void>
  end(): Promise<void>
}

/** @param history whether it keeps one */
export function startHolder(url: string, label: string, history = false): HolderProcess {
  return startWorker(FILE, [url, label, 'lock:', history ? 'history' : ''])
}

/** Another program that takes lines of JSON and says lines. */
export function startWorker(file: string, args: readonly string[]): HolderProcess {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
    const whole = text.split('\n')
    text = whole.pop()!
    lines.push(...whole)
    waiting.forEach((look) => look())
  })
  const ended = once(child, 'close')
  const said = (line: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!lines.includes(line)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      void ended.then(() =>
        reject(new Error(`${args.join(' ')} never said ${line}: ${lines.join('; ')}`)),
      )
    })
  return {
    pid: child.pid!,
    said,
    tell: async (what, line) => {
      child.stdin.write(`${JSON.stringify(what)}\n`)
      if (line !== undefined) await said(line)
    },
    end: async () => {
      child.stdin.end()
      await ended
    },
  }
}

/** Asks again until it is so: a test that waits in vain ends by its own limit. */
export async function until(so: () => Promise<boolean>): Promise<void> {
  while (!(await so())) await sleep(20)
}
