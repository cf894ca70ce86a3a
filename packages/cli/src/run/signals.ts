import { Silent } from '../exit.js'
import { codeOf } from '../interrupt.js'

const FORWARDED = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
] as const

/**
 * Signals that are sent to `run`: while it waits they end it, as they would end the command; then they
 * are the command's.
 */
export class Signals {
  readonly #controller = new AbortController()
  #command: ((signal: NodeJS.Signals) => void) | null = null
  readonly #listener = (signal: NodeJS.Signals): void => {
    if (this.#command) this.#command(signal)
    else if (signal !== 'SIGWINCH') this.#controller.abort(new Silent(codeOf(signal)))
  }

  constructor() {
    for (const signal of FORWARDED) process.on(signal, this.#listener)
  }

  /** Aborts when `run` is to end before its command was started. */
  get waiting(): AbortSignal {
    return this.#controller.signal
  }

  /** @param command null: there is none any more. */
  forward(command: ((signal: NodeJS.Signals) => void) | null): void {
    this.#command = command
  }
}
