// The processes in which subjects run: one for each, so that none is slowed by the garbage of another, and
// one that hangs can be killed.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('worker.mjs', import.meta.url))

/** A call that did not end in its time; its process has been killed. */
class TimedOut extends Error {
  constructor(what, ms) {
    super(`${what} did not end within ${ms} ms`)
    this.name = 'TimedOut'
  }
}

export class Worker {
  #child = null
  #pending = null
  #said = ''

  /** @param {{ execArgv?: string[] }} [options] */
  constructor({ execArgv = [] } = {}) {
    this.execArgv = execArgv
  }

  #start() {
    const child = fork(program, [], {
      execArgv: this.execArgv,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#said = ''
    child.stderr.on('data', (text) => {
      if (this.#child === child) this.#said = (this.#said + text).slice(-2000)
    })
    // One that was killed may still be ending when the next is at work.
    const settle = (error, result) => this.#child === child && this.#settle(error, result)
    child.on('message', ({ error, result }) => {
      if (error === undefined) settle(null, result)
      else settle(new Error(error))
    })
    child.on('error', (error) => settle(error))
    child.on('exit', (code, signal) => {
      const last = this.#said.trim().split('\n').slice(-3).join(' | ')
      settle(new Error(`the process ended (${signal ?? code}) ${last}`))
      if (this.#child === child) this.#child = null
    })
    alive.add(child)
    child.once('exit', () => alive.delete(child))
    this.#child = child
  }

  #settle(error, result) {
    const pending = this.#pending
    this.#pending = null
    if (error) pending?.reject(error)
    else pending?.resolve(result)
  }

  /** Whether anything that was opened there is still there. */
  get running() {
    return this.#child !== null
  }

  /** One call at a time. @throws TimedOut, and what the action throws */
  async call(action, args = {}, ms = 20_000) {
    if (this.#child === null) this.#start()
    let timer
    const result = new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      timer = setTimeout(() => {
        reject(new TimedOut(action, ms))
        this.kill()
      }, ms)
    })
    this.#child.send({ action, args }, (error) => error && this.#settle(error))
    try {
      return await result
    } finally {
      clearTimeout(timer)
    }
  }

  kill() {
    const child = this.#child
    this.#child = null
    child?.kill('SIGKILL')
    this.#settle(new Error('the process was killed'))
  }
}

const alive = new Set()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})
