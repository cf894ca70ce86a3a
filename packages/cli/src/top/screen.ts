import { emitKeypressEvents, type Key } from 'node:readline'
import type { ReadStream, WriteStream } from 'node:tty'

/** The other screen; no cursor; what is too long for a line is cut. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const LEAVE = '\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l'

/** The terminal while a program has all of it. It is given back however the program ends, but by SIGKILL. */
export class Screen {
  readonly #input: ReadStream
  readonly #output: WriteStream
  readonly #draw: () => void
  readonly #leave = (): void => this.#restore()
  #entered = false

  /** @param draw the terminal has another size, or nothing of what was drawn is left */
  constructor(
    input: ReadStream,
    output: WriteStream,
    on: { readonly key: (key: Key) => void; readonly draw: () => void; readonly gone: () => void },
  ) {
    this.#input = input
    this.#output = output
    this.#draw = on.draw
    emitKeypressEvents(input)
    input.on('keypress', (_, key: Key) => on.key(key))
    output.on('resize', on.draw)
    // The terminal was closed.
    for (const stream of [input, output]) stream.on('error', on.gone)
    input.on('end', on.gone)
    // Also after a mistake of ours: before the error is printed, which would vanish with this screen.
    process.on('exit', this.#leave)
    process.on('SIGCONT', () => {
      if (this.#entered) return
      this.enter()
      this.#draw()
    })
  }

  enter(): void {
    this.#entered = true
    this.#input.setRawMode(true)
    this.#input.resume()
    this.#output.write(ENTER)
  }

  /** Draws all lines, over what is there. */
  show(lines: readonly string[]): void {
    if (!this.#entered) return
    // What was below them is cleared from a line of its own: at the end of one it would take the last column.
    const below = lines.length < this.size[1] ? '\r\n\x1b[J' : ''
    this.#output.write(`\x1b[H${lines.join('\r\n')}${below}`)
  }

  get size(): readonly [columns: number, rows: number] {
    return [this.#output.columns || 80, this.#output.rows || 24]
  }

  /** For the shell to have the terminal, until it lets us go on. */
  suspend(): void {
    this.#restore()
    process.kill(0, 'SIGTSTP')
  }

  close(): void {
    this.#restore()
    this.#input.pause()
  }

  #restore(): void {
    if (!this.#entered) return
    this.#entered = false
    try {
      this.#input.setRawMode(false)
      this.#output.write(LEAVE)
    } catch {
      // The terminal is gone: nothing is left to be given back.
    }
  }
}
