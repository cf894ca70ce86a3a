import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pipe, plain, type Rules } from './proxy-pipe.js'

/** `request`: from the client to the server; `reply`: the other way. */
export type Direction = 'request' | 'reply'
/** Who is at an end of a connection. */
export type End = 'client' | 'server'

const both: readonly Direction[] = ['request', 'reply']

/** Where a connection is to break once: see `cutAfter`. */
interface Blade {
  readonly direction: Direction
  readonly bytes: number
  readonly when: RegExp
  readonly done: () => void
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  readonly pipes: Readonly<Record<Direction, Pipe>>
  /** Set by the request whose reply is to be cut. */
  blade: Blade | null
  /** One end was removed without a word to the other. */
  vanished: boolean
}

/**
 * A TCP proxy on 127.0.0.1 that can be made to fail at run time in the ways in which networks do. It
 * knows nothing of the protocol. Each switch acts on the open connections and on those to come,
 * unless it says otherwise; `heal` ends all faults.
 */
export class FaultProxy implements AsyncDisposable {
  /** Where new connections are led: exchange it for a failover, and cut the old ones. */
  target: { readonly host: string; readonly port: number }
  readonly port: number
  /** Connections accepted since the start. */
  accepted = 0
  /** Times that a connection broke because of `cutAfter`. */
  cuts = 0
  readonly #rules: Readonly<Record<Direction, Rules>> = { request: plain(), reply: plain() }
  readonly #links = new Set<Link>()
  readonly #waiting = new Set<Socket>()
  #listener: Server
  #blade: Blade | null = null
  #late = 0

  private constructor(listener: Server, target: FaultProxy['target']) {
    this.#listener = listener
    this.target = target
    this.port = (listener.address() as AddressInfo).port
    this.#listen(listener)
  }

  static async start(target: FaultProxy['target']): Promise<FaultProxy> {
    return new FaultProxy(await listenOn(0), target)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Connections that are open now, also those of which only one end is left. */
  get open(): number {
    return this.#links.size
  }

  /** Each byte is this late, ms. 0 ends it at once. */
  delay(ms: number, ...directions: Direction[]): void {
    this.#set(directions, { delay: ms })
  }

  /** A black hole: connections stay open, bytes vanish. They are reset by `heal`. */
  drop(...directions: Direction[]): void {
    this.#set(directions, { dropped: true })
  }

  /** Nothing moves, nothing is lost. */
  freeze(...directions: Direction[]): void {
    this.#set(directions, { frozen: true })
  }

  resume(...directions: Direction[]): void {
    this.#set(directions, { frozen: false })
  }

  /** One byte at a time, this many ms apart; 0: one each turn of the event loop. */
  split(ms = 0, ...directions: Direction[]): void {
    this.#set(directions, { split: ms })
  }

  /**
   * Breaks one connection once. The next request that matches is delivered up to so many bytes, with
   * `reply` as a whole and its reply up to so many bytes; then both ends are reset. So
   * `cutAfter('reply', 0, /EVALSHA/)` is a command that was carried out and whose reply was lost.
   *
   * @returns when it has happened.
   */
  cutAfter(direction: Direction, bytes: number, when: RegExp = /./s): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.cuts += 1
        resolve()
      }
      this.#blade = { direction, bytes, when, done }
    })
  }

  /** Closes one direction of the open connections as a program does (FIN); the other stays open. */
  halfClose(direction: Direction): void {
    for (const { client, server } of this.#links) (direction === 'request' ? server : client).end()
  }

  /**
   * Half-open connections: this end of the open ones is gone, and the other is never told. Its bytes
   * go nowhere. New connections work.
   */
  vanish(end: End): void {
    for (const link of this.#links) {
      link.vanished = true
      link[end].resetAndDestroy()
    }
  }

  /** Resets the open connections; new ones work. */
  cut(): void {
    for (const link of this.#links) this.#reset(link)
    for (const socket of this.#waiting) socket.resetAndDestroy()
  }

  /** New connections are refused (ECONNREFUSED). Open ones stay. */
  async refuse(): Promise<void> {
    if (!this.#listener.listening) return
    // Its callback waits for the last connection to end; it listens no more at once.
    this.#listener.close()
    await sleep(0)
  }

  /** Ends `refuse`. */
  async accept(): Promise<void> {
    if (this.#listener.listening) return
    this.#listener = await listenOn(this.port)
    this.#listen(this.#listener)
  }

  /** New connections are accepted, and reach the server this many ms later. */
  delayConnections(ms: number): void {
    this.#late = ms
  }

  /** Ends all faults. Connections that have lost bytes, or an end, are reset. */
  async heal(): Promise<void> {
    this.#late = 0
    this.#blade = null
    for (const link of this.#links) {
      const { request, reply } = link.pipes
      if (request.torn || reply.torn || link.vanished) this.#reset(link)
    }
    for (const socket of this.#waiting) socket.resetAndDestroy()
    this.#set(both, plain())
    await this.accept()
  }

  /** Ends the proxy and all its connections. */
  async close(): Promise<void> {
    this.cut()
    this.#listener.close()
    await sleep(0)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #set(directions: readonly Direction[], rules: Partial<Rules>): void {
    for (const direction of directions.length > 0 ? directions : both) {
      Object.assign(this.#rules[direction], rules)
    }
    for (const { pipes } of this.#links) for (const way of both) void pipes[way].pump()
  }

  #listen(listener: Server): void {
    listener.on('connection', (client) => void this.#accepted(client))
  }

  async #accepted(client: Socket): Promise<void> {
    this.accepted += 1
    client.on('error', () => {})
    if (this.#late > 0) {
      this.#waiting.add(client)
      client.once('close', () => this.#waiting.delete(client))
      const due = performance.now() + this.#late
      while (!client.destroyed && performance.now() < due) {
        await sleep(Math.min(20, this.#late), undefined, { ref: false })
      }
      this.#waiting.delete(client)
      if (client.destroyed) return
    }
    this.#connect(client)
  }

  #connect(client: Socket): void {
    const server = connect({ ...this.target, allowHalfOpen: true, noDelay: true })
    const cut = (): void => this.#reset(link)
    const pipes = {
      request: new Pipe(server, this.#rules.request, cut),
      reply: new Pipe(client, this.#rules.reply, cut),
    }
    const link: Link = { client, server, pipes, blade: null, vanished: false }
    this.#links.add(link)
    client.on('data', (bytes: Buffer) => this.#request(link, bytes))
    server.on('data', (bytes: Buffer) => this.#reply(link, bytes))
    client.on('end', () => pipes.request.take('end'))
    server.on('end', () => pipes.reply.take('end'))
    server.on('error', () => {})
    const closed = (): void => {
      const left = [client, server].filter((socket) => !socket.destroyed)
      if (left.length === 0) this.#links.delete(link)
      // A dropped direction loses the news of an end, too.
      else if (!link.vanished && !pipes.request.torn && !pipes.reply.torn) this.#reset(link)
    }
    client.on('close', closed)
    server.on('close', closed)
  }

  #request(link: Link, bytes: Buffer): void {
    const blade = this.#blade
    if (!blade?.when.test(bytes.toString('latin1'))) return link.pipes.request.take(bytes)
    this.#blade = null
    if (blade.direction === 'reply') {
      link.blade = blade
      link.pipes.request.take(bytes)
    } else {
      this.#sever(link, bytes, blade)
    }
  }

  #reply(link: Link, bytes: Buffer): void {
    if (link.blade === null) link.pipes.reply.take(bytes)
    else this.#sever(link, bytes, link.blade)
  }

  #sever(link: Link, bytes: Buffer, blade: Blade): void {
    const pipe = link.pipes[blade.direction]
    if (blade.bytes > 0) pipe.take(bytes.subarray(0, blade.bytes))
    pipe.take('cut')
    link.blade = null
    link.client.once('close', blade.done)
  }

  #reset({ client, server }: Link): void {
    if (!client.destroyed) client.resetAndDestroy()
    if (!server.destroyed) server.resetAndDestroy()
  }
}

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const listener = createServer({ allowHalfOpen: true, noDelay: true })
    listener.once('error', reject)
    listener.listen(port, '127.0.0.1', () => resolve(listener))
  })
}
