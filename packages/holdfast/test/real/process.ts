import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const mtime = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Processes run the package as it is built, and an old build would prove nothing. */
export function assertBuilt(): void {
  const src = at('../../src')
  const files = readdirSync(src, { recursive: true }).map((file) => `${src}/${String(file)}`)
  if (Math.max(...files.map(mtime)) > mtime(at('../../dist/cjs/package.json'))) {
    throw new Error('packages/holdfast/dist is missing or old: run `npm run build` first')
  }
}

interface Options {
  readonly ttl?: number
  readonly wait?: number
  readonly claim?: number
  readonly label?: string
}

/** A server, or the nodes of a cluster. */
type Address = { url: string } | { nodes: { host: string; port: number }[] }

/** What a process can be asked to do: see process.mjs. */
export interface Asks {
  connect: [args: Address, result: null]
  acquire: [args: { name: string; options: Options }, result: { fence: number; owner: string }]
  release: [args: { name: string }, result: { released: boolean }]
  work: [args: { name: string; options: Options; id: string; times: number }, result: number[]]
  permits: [
    args: { name: string; limit: number; most: number; times: number; options: Options },
    result: { highest: number; cancelled: number },
  ]
  nest: [
    args: { own: string; next: string; ready: string; count: number; options: Options },
    result: { got: boolean; ms: number; code?: string; cycle?: [string, string][] },
  ]
  pairs: [args: { names: string[]; times: number }, result: string[][]]
  close: [args: object, result: null]
}

const children = new Set<Process>()

/** A process of its own that locks by the built package; it ends with this one. */
export class Process {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, (reply: Reply) => void>()
  #sequence = 0

  constructor() {
    assertBuilt()
    this.#child = fork(at('process.mjs'), { execArgv: [] })
    this.#child.on('message', (reply: Reply) => {
      this.#pending.get(reply.id)?.(reply)
      this.#pending.delete(reply.id)
    })
    children.add(this)
  }

  /** Some of them, connected. */
  static async start(count: number, at: string | Address): Promise<Process[]> {
    const all = Array.from({ length: count }, () => new Process())
    await Promise.all(
      all.map((one) => one.ask('connect', typeof at === 'string' ? { url: at } : at)),
    )
    return all
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** @throws the process's own error, as a message. */
  ask<K extends keyof Asks>(op: K, args: Asks[K][0]): Promise<Asks[K][1]> {
    const id = ++this.#sequence
    return new Promise((resolve, reject) => {
      this.#pending.set(id, ({ error, result }) => {
        if (error === undefined) resolve(result as Asks[K][1])
        else reject(new Error(error))
      })
      this.#child.send({ id, op, args })
    })
  }

  /** Everything stops, and its connections stay open. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    children.delete(this)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  static async killAll(): Promise<void> {
    await Promise.all([...children].map((one) => one.kill()))
  }
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** Runs exits.mjs to its own end: one that is kept alive runs into the time limit instead. */
export async function runToEnd(
  url: string,
  what: string,
): Promise<{ code: number | null; said: string }> {
  assertBuilt()
  const child = spawn(process.execPath, [at('exits.mjs'), url, what], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  const limit = setTimeout(() => child.kill('SIGKILL'), 15_000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(limit)
  return { code, said: said.trim() }
}
