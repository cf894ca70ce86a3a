import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'

/**
 * What the testing helpers need to know of a server, asked over a socket of their own so that
 * they depend on no client.
 */
export interface Introduction {
  /** The `INFO server` text, or the error line the server gave instead. */
  readonly text: string
  /** False while a server loads or wants a password. */
  readonly ready: boolean
}

const encode = (args: readonly string[]): string =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`

/** Logs in if the URL says so and asks for `INFO server`; null if nothing answers in time. */
export async function introduce(url: URL, withinMs = 500): Promise<Introduction | null> {
  const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }
  const login = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  const commands = [['INFO', 'server'], ['PING']]
  if (url.password !== '') commands.unshift(['AUTH', ...login.filter((part) => part !== '')])

  return new Promise((resolve) => {
    const socket = url.protocol === 'rediss:' ? connectTls(target) : connect(target)
    let text = ''
    const end = (answer: Introduction | null): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => end(null), withinMs)
    socket.on('error', () => end(null))
    socket.on('close', () => end(null))
    socket.write(commands.map(encode).join(''))
    socket.on('data', (data) => {
      text += data.toString('utf8')
      // PING comes last, so its reply ends the conversation; so does any refusal.
      if (text.endsWith('+PONG\r\n')) end({ text, ready: true })
      else if (/^-.*\r\n/m.test(text)) end({ text, ready: false })
    })
  })
}

/** A loopback port that was free a moment ago. Another process may take it first. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
