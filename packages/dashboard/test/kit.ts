import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Holdfast, type HoldfastOptions } from 'holdfast'
import { startServer, type RunningServer } from 'holdfast/testing'
import type { Assets } from '../src/assets.js'
import { Handler } from '../src/handler.js'
import { settingsOf, type DashboardOptions } from '../src/options.js'

const ORIGIN = 'http://127.0.0.1:4041'

/** Asks again until it is so: a test that waits in vain ends by its own limit. */
export async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await so())) await sleep(20)
}

/** A server, and what tests open on it. */
export class World {
  readonly server: RunningServer
  readonly admin: Redis
  readonly #ends: (() => unknown)[] = []

  private constructor(server: RunningServer) {
    this.server = server
    this.admin = new Redis(server.url)
    this.#ends.push(() => this.admin.disconnect())
  }

  static async start(): Promise<World> {
    return new World(await startServer())
  }

  client(): Redis {
    const redis = new Redis(this.server.url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      lazyConnect: false,
      retryStrategy: () => 50,
    })
    redis.on('error', () => undefined)
    this.#ends.push(() => redis.disconnect())
    return redis
  }

  async locks(options: HoldfastOptions = {}): Promise<Holdfast> {
    const redis = this.client()
    if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve))
    const locks = new Holdfast(redis, { localHandovers: 0, ...options })
    this.#ends.unshift(() => locks.close())
    return locks
  }

  /** A dashboard that looks by a client of its own. */
  async page(options: DashboardOptions = {}, assets?: Assets, prefix = 'lock:'): Promise<Page> {
    const locks = await this.locks({ prefix })
    const page = new Page(new Handler(locks, settingsOf(options), assets))
    this.#ends.unshift(() => page.handler.close())
    return page
  }

  /** How often the server has done each command, but those by which it is asked. */
  async counts(): Promise<Map<string, number>> {
    const info = await this.admin.info('commandstats')
    const counts = [...info.matchAll(/^cmdstat_([^:|]+)[^:]*:calls=(\d+)/gm)]
    return new Map(counts.map(([, name, calls]) => [name!, Number(calls)]))
  }

  /** What was done between. */
  async during(work: () => Promise<unknown>): Promise<Map<string, number>> {
    await this.admin.config('RESETSTAT')
    await work()
    const counts = await this.counts()
    for (const own of ['config', 'info', 'ping']) counts.delete(own)
    return counts
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end()
    await this.server.stop()
  }
}

/** Asks a handler as a browser's page does. */
export class Page {
  readonly handler: Handler
  /** All bodies, to search. */
  readonly bodies: string[] = []

  constructor(handler: Handler) {
    this.handler = handler
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.handler.fetch(new Request(`${ORIGIN}/${path}`, { headers }))
  }

  async json<T>(path: string): Promise<T> {
    const response = await this.get(`api/${path}`)
    const body = await response.text()
    this.bodies.push(body)
    // On a machine that has much to do a server does not always answer in time.
    if (response.status === 503 && body.includes('within')) return this.json(path)
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${body}`)
    return JSON.parse(body) as T
  }

  async post(
    path: string,
    body: unknown,
    headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
  ): Promise<Response> {
    return this.handler.fetch(
      new Request(`${ORIGIN}/api/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    )
  }

  async live(query: string): Promise<Stream> {
    return new Stream((await this.get(`api/live?page=${query}`)).body!.getReader())
  }
}

export interface Event {
  readonly event: string
  readonly data: any
}

/** Server-sent events, as they come. */
export class Stream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #text = ''

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader
  }

  /** The next event; null at the end. */
  async next(): Promise<Event | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end >= 0) {
        const [, event, data] =
          /^event: ([^\n]*)\ndata: ([^\n]*)$/.exec(this.#text.slice(0, end)) ?? []
        this.#text = this.#text.slice(end + 2)
        if (event !== undefined) return { event, data: JSON.parse(data!) }
        continue
      }
      const { done, value } = await this.#reader.read()
      if (done) return null
      this.#text += this.#decoder.decode(value, { stream: true })
    }
  }

  /** The next of which that is true. */
  async until(so: (event: Event) => boolean): Promise<Event> {
    for (;;) {
      const event = await this.next()
      if (!event) throw new Error('the stream ended')
      if (so(event)) return event
    }
  }

  /** The next page. */
  async page(): Promise<any> {
    return (await this.until(({ event }) => event === 'page')).data
  }

  async end(): Promise<void> {
    await this.#reader.cancel()
  }
}
