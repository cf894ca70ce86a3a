import { answer, Refused } from './answers.js'
import type { Source } from './source.js'
import type { View } from './views.js'

/** Between two events that only say that the connection lives: of a comment a page is not told. */
const ALIVE_MS = 15_000
const MOST_VIEWERS = 500

/** A page that is told again whenever it changes, as server-sent events. */
export class Live {
  readonly #source: Source
  readonly #open = new Set<() => void>()
  readonly #alive: number
  #closed = false

  constructor(source: Source, alive: number = ALIVE_MS) {
    this.#source = source
    this.#alive = alive
  }

  /** @param may whether this viewer still may look, asked now and then. */
  answer(view: View, request: Request, may: () => Promise<boolean>): Response {
    if (this.#closed) throw new Refused(503, 'ERR_CLOSED', 'the dashboard was closed')
    if (this.#open.size >= MOST_VIEWERS) {
      throw new Refused(503, 'ERR_UNAVAILABLE', `${MOST_VIEWERS} pages are open: close some`)
    }
    const encoder = new TextEncoder()
    let held: string | null = null
    let end = (): void => undefined
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const send = (text: string): void => {
            // Of one who does not keep up only the newest is kept.
            if ((controller.desiredSize ?? 0) <= 0) held = text
            else controller.enqueue(encoder.encode(text))
          }
          send('retry: 2000\n\n')
          const unwatch = this.#source.watch(view, (event, json) =>
            send(`event: ${event}\ndata: ${json}\n\n`),
          )
          const timer = setInterval(() => {
            if (held === null) send('event: here\ndata: {}\n\n')
            void may().then(
              (yes) => yes || end(),
              () => end(),
            )
          }, this.#alive)
          end = (): void => {
            end = () => undefined
            this.#open.delete(close)
            clearInterval(timer)
            unwatch()
            request.signal.removeEventListener('abort', close)
            try {
              controller.close()
            } catch {
              // It was cancelled by its reader.
            }
          }
          const close = (): void => end()
          this.#open.add(close)
          request.signal.addEventListener('abort', close)
          // While `authorize` was asked.
          if (request.signal.aborted) end()
        },
        pull: (controller) => {
          if (held === null) return
          controller.enqueue(encoder.encode(held))
          held = null
        },
        cancel: () => end(),
      },
      { highWaterMark: 4 },
    )
    return answer(stream, 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      // Proxies, and what compresses (`compression` of Express), would keep events back.
      'x-accel-buffering': 'no',
      'cache-control': 'no-store, no-transform',
    })
  }

  close(): void {
    this.#closed = true
    for (const close of this.#open) close()
  }
}
