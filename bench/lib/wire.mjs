// Counts what this process sends to its servers: commands, bytes, and writes to sockets. It slows the
// sender, so it counts in a slice of its own that is not timed.
import { Socket } from 'node:net'

const CR = 13

/** Counts commands in the pieces of one stream. A command is an array of bulk strings. */
export class CommandCounter {
  commands = 0
  #line = ''
  #skip = 0
  #left = 0

  /** @param {Buffer} piece */
  feed(piece) {
    let at = 0
    while (at < piece.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, piece.length - at)
        this.#skip -= step
        at += step
        continue
      }
      const byte = piece[at++]
      if (byte === CR) continue
      if (byte !== 10) {
        this.#line += String.fromCharCode(byte)
        continue
      }
      const line = this.#line
      this.#line = ''
      if (line[0] === '*') {
        this.#left = Number(line.slice(1))
        if (this.#left === 0) this.commands++
      } else if (line[0] === '$') {
        this.#skip = Number(line.slice(1)) + 2
        if (--this.#left === 0) this.commands++
      } else this.commands++ // an inline command
    }
  }
}

const counters = new WeakMap()
const total = { commands: 0, bytes: 0, writes: 0 }
const [write, writev] = ['_write', '_writev'].map((name) => Socket.prototype[name])
let on = false

function count(socket, pieces) {
  // A pipe to the parent process is a socket too.
  if (socket.remotePort === undefined) return
  let counter = counters.get(socket)
  if (counter === undefined) counters.set(socket, (counter = new CommandCounter()))
  const before = counter.commands
  total.writes++
  for (const { chunk, encoding } of pieces) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
    total.bytes += piece.length
    counter.feed(piece)
  }
  total.commands += counter.commands - before
}

/** From now on; what goes over sockets in the middle of a command may be counted as one more. */
export function countWire() {
  Object.assign(total, { commands: 0, bytes: 0, writes: 0 })
  if (on) return
  on = true
  Socket.prototype._write = function (chunk, encoding, callback) {
    count(this, [{ chunk, encoding }])
    return write.call(this, chunk, encoding, callback)
  }
  Socket.prototype._writev = function (pieces, callback) {
    count(this, pieces)
    return writev.call(this, pieces, callback)
  }
}

/** @returns {{ commands: number, bytes: number, writes: number }} since countWire */
export function endCount() {
  on = false
  Object.assign(Socket.prototype, { _write: write, _writev: writev })
  return { ...total }
}
