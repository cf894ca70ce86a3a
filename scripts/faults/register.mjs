import { createServer, connect } from 'node:net'

/** Cuts a stream into lines, and hands on what each of them says. */
function lines(socket, take) {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (text) => {
    const all = (rest + text).split('\n')
    rest = all.pop()
    for (const line of all) take(JSON.parse(line))
  })
}

/**
 * What the locks protect: a counter for each name, twice. The fenced one refuses a token that is older
 * than the newest it has seen; the plain one takes every write, as a resource does that knows nothing of
 * tokens. Both note everything, in the order in which it happened to them.
 */
export class Register {
  port = 0
  #server
  #recorder
  #cells = new Map()

  static async start(recorder) {
    const register = new Register()
    register.#recorder = recorder
    register.#server = createServer((socket) => {
      socket.on('error', () => {})
      lines(socket, ({ id, ...asked }) => {
        socket.write(`${JSON.stringify({ id, ...register.#serve(asked) })}\n`)
      })
    })
    await new Promise((resolve) => register.#server.listen(0, '127.0.0.1', resolve))
    register.port = register.#server.address().port
    return register
  }

  #cell(key) {
    let cell = this.#cells.get(key)
    if (!cell) this.#cells.set(key, (cell = { newest: 0, value: 0, late: 0, missed: 0 }))
    return cell
  }

  #serve({ op, name, fenced, client, owner, token, value }) {
    const cell = this.#cell(`${fenced ? 'fenced' : 'plain'} ${name}`)
    const stale = token < cell.newest
    const accepted = !(fenced && stale)
    if (stale) cell.late++
    else cell.newest = token
    // What the register refuses or takes late is no news of the plain one: that is what it is there for.
    const what = { client, name, owner, token, accepted, op, value }
    if (op !== 'read') this.#recorder.write({ kind: fenced ? 'write' : 'plain', ...what })
    if (accepted && op === 'write') {
      // Who has claimed it, and reads and writes with one token, has missed nobody's write.
      if (value !== cell.value + 1) cell.missed++
      cell.value = value
    }
    return { accepted, value: cell.value }
  }

  /** Of the plain registers or of the fenced ones. */
  sum(kind, what) {
    const cells = [...this.#cells].filter(([key]) => key.startsWith(kind))
    return cells.reduce((all, [, cell]) => all + cell[what], 0)
  }

  close() {
    this.#server.close()
  }
}

/** A way to it, for a worker. */
export async function openRegister(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const waiting = new Map()
  let last = 0
  lines(socket, ({ id, ...answer }) => {
    waiting.get(id)?.(answer)
    waiting.delete(id)
  })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return {
    /** @returns {Promise<{ accepted: boolean, value: number }>} */
    ask: (asked) =>
      new Promise((resolve) => {
        waiting.set(++last, resolve)
        socket.write(`${JSON.stringify({ id: last, ...asked })}\n`)
      }),
    close: () => socket.end(),
  }
}
