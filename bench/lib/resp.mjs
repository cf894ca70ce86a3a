// The least client of Redis that can be: one socket, one parser, one write a turn of the event loop. A
// yardstick of what a client library costs, and no more than the yardsticks need.
import { connect } from 'node:net'
import { once } from 'node:events'

/** @returns the words of a command as they go over the wire */
export function encode(words) {
  let text = `*${words.length}\r\n`
  for (const word of words) text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`
  return text
}

/** Reads replies of RESP2 and the pushes of RESP3 from pieces of a stream. */
export class Parser {
  #rest = ''

  constructor(reply, push) {
    this.reply = reply
    this.push = push
  }

  /** @param {string} text latin1 */
  feed(text) {
    const all = this.#rest === '' ? text : this.#rest + text
    let at = 0
    for (;;) {
      const one = read(all, at)
      if (one === null) break
      at = one.at
      if (one.push) this.push(one.value)
      else this.reply(one.value)
    }
    this.#rest = at === all.length ? '' : all.slice(at)
  }
}

function read(all, from) {
  const end = all.indexOf('\r\n', from)
  if (end < 0) return null
  const kind = all[from]
  const line = all.slice(from + 1, end)
  const at = end + 2
  if (kind === '+') return { value: line, at }
  if (kind === '-') return { value: new Error(line), at }
  if (kind === ':') return { value: Number(line), at }
  if (kind === '_') return { value: null, at }
  if (kind === '$') {
    const length = Number(line)
    if (length < 0) return { value: null, at }
    if (all.length < at + length + 2) return null
    return { value: all.slice(at, at + length), at: at + length + 2 }
  }
  const value = []
  const count = Number(line) * (kind === '%' ? 2 : 1)
  let next = at
  for (let i = 0; i < count; i++) {
    const one = read(all, next)
    if (one === null) return null
    value.push(one.value)
    next = one.at
  }
  return { value, at: next, push: kind === '>' }
}

export class Bare {
  #socket
  #waiting = []
  #head = 0
  #out = ''
  #push = null

  constructor(socket) {
    this.#socket = socket
    const parser = new Parser(
      (value) => this.#settle(value),
      (value) => this.#push?.(value),
    )
    socket.setEncoding('latin1')
    socket.on('data', (text) => parser.feed(text))
    socket.on('error', () => {})
  }

  static async connect(url) {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new Bare(socket)
  }

  onPush(listener) {
    this.#push = listener
  }

  /** A command whose only answer is a push. */
  send(...words) {
    this.#socket.write(encode(words), 'latin1')
  }

  /** What is called for in one turn is written at its end, together; and at once if nothing is under way. */
  call(...words) {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve, reject)
      if (this.#out === '') {
        if (this.#waiting.length - this.#head === 2) queueMicrotask(() => this.#flush())
        else setImmediate(() => this.#flush())
      }
      this.#out += encode(words)
    })
  }

  #flush() {
    const out = this.#out
    this.#out = ''
    if (out !== '') this.#socket.write(out, 'latin1')
  }

  #settle(value) {
    const at = this.#head
    this.#head += 2
    const settle = this.#waiting[value instanceof Error ? at + 1 : at]
    if (this.#head > 4096) {
      this.#waiting.splice(0, this.#head)
      this.#head = 0
    }
    settle(value)
  }

  close() {
    this.#socket.destroy()
  }
}
