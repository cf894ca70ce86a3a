import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { RunningServer } from '../../src/testing/index.js'
import { commands, type Library } from './programs.mjs'

/**
 * What a peer can be asked, one question a line, and what it answers. `name` is the name as the
 * library takes it, `ms` the length of its lease. True and false are what the library says itself;
 * null is what it says if it says nothing.
 */
export interface Asks {
  hello: [args: object, result: true]
  /** One try; the holder is kept for the name. */
  take: [args: { name: string; ms: number }, result: boolean]
  release: [args: { name: string }, result: boolean | null]
  /** To its full length again. */
  extend: [args: { name: string }, result: boolean | null]
  /**
   * So many times: waits for the lock, adds one to `counter` by a GET and a SET, pushes the tag to
   * `order`, releases.
   */
  work: [args: { name: string; times: number; tag: string }, result: number]
  /** Redisson only: takes the lock, and waits while it is held. */
  lock: [args: { name: string; ms: number }, result: boolean]
  /** Redisson only: whether it is held by anybody. */
  locked: [args: { name: string }, result: boolean]
  /** Redisson only: ends anybody's tenure. */
  force: [args: { name: string }, result: boolean]
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** Why a library's peer cannot be started here; null if it can. With HOLDFAST_INTEROP=all: throws. */
export function missing(library: Library): string | null {
  const command = commands[library]()
  if (typeof command !== 'string') return null
  if (process.env['HOLDFAST_INTEROP'] === 'all') throw new Error(`${library}: ${command}`)
  process.stderr.write(`skipped: interoperation with ${library}: ${command}\n`)
  return command
}

/** A process that locks by another library. It ends when this one does: its input ends. */
export class Peer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #pending = new Map<number, (reply: Reply) => void>()
  #sequence = 0

  private constructor(command: readonly string[], { host, port }: RunningServer) {
    const [program = '', ...args] = command
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    this.#child = spawn(program, [...args, host, String(port)], { stdio: [...stdio] })
    this.#child.stdin.on('error', () => {})
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const reply = JSON.parse(line) as Reply
      this.#pending.get(reply.id)?.(reply)
      this.#pending.delete(reply.id)
    })
    const gone = (): void => {
      for (const [id, settle] of this.#pending) settle({ id, error: `${program} has ended` })
      this.#pending.clear()
    }
    this.#child.on('error', gone)
    this.#child.on('exit', gone)
  }

  /** Starts one, and waits until it is connected. */
  static async start(library: Library, server: RunningServer): Promise<Peer> {
    const command = commands[library]()
    if (typeof command === 'string') throw new Error(command)
    const peer = new Peer(command, server)
    await peer.ask('hello', {})
    return peer
  }

  /** @throws the library's own error, as a message. */
  ask<K extends keyof Asks>(op: K, args: Asks[K][0]): Promise<Asks[K][1]> {
    const id = ++this.#sequence
    return new Promise((resolve, reject) => {
      this.#pending.set(id, ({ error, result }) => {
        if (error === undefined) resolve(result as Asks[K][1])
        else reject(new Error(error))
      })
      this.#child.stdin.write(`${JSON.stringify({ id, op, ...args })}\n`)
    })
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    // It may be in the middle of a long wait.
    this.#child.kill('SIGKILL')
    await exit
  }
}
