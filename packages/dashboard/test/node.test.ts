// As a listener of node:http: who leaves early, and who has answered already.
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { connect as connect2, createServer as createServer2 } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { toNodeListener } from '../src/index.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function listening(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A promise, and what keeps it. */
function later<T = void>(): { readonly promise: Promise<T>; readonly keep: (value: T) => void } {
  let keep!: (value: T) => void
  const promise = new Promise<T>((resolve) => (keep = resolve))
  return { promise, keep }
}

/** An answer that does not end, and whether its body was given up. */
function endless(): { readonly answer: Response; readonly cancelled: Promise<void> } {
  const { promise, keep } = later()
  const start = (controller: ReadableStreamDefaultController): void =>
    controller.enqueue(new TextEncoder().encode('retry: 2000\n\n'))
  return { answer: new Response(new ReadableStream({ start, cancel: keep })), cancelled: promise }
}

test('the answer to one who has left meanwhile is given up', async () => {
  const { answer, cancelled } = endless()
  const [asked, gone] = [later(), later()]
  const listener = toNodeListener({
    fetch: async ({ signal }) => {
      signal.addEventListener('abort', () => gone.keep())
      asked.keep()
      // As an `authorize` that looks somebody up.
      await gone.promise
      return answer
    },
  })
  const socket = connect(await listening(listener), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await asked.promise
  socket.destroy()
  await cancelled
})

test('what somebody else has answered meanwhile, such as that it takes too long, stays', async () => {
  const { answer, cancelled } = endless()
  const answered = later()
  const listener = toNodeListener({ fetch: () => answered.promise.then(() => answer) })
  const port = await listening((request, response) => {
    listener(request, response)
    response.writeHead(503).end('too late')
  })
  const said = await fetch(`http://127.0.0.1:${port}/`)
  expect([said.status, await said.text()]).toEqual([503, 'too late'])
  answered.keep()
  await cancelled
})

test('each cookie of an answer is sent', async () => {
  const headers = new Headers({ 'content-type': 'text/plain' })
  for (const cookie of ['session=1; Path=/', 'csrf=2; Path=/']) headers.append('set-cookie', cookie)
  const port = await listening(
    toNodeListener({ fetch: async () => new Response('log in', { status: 401, headers }) }),
  )
  const said = await fetch(`http://127.0.0.1:${port}/`)
  expect(said.headers.getSetCookie()).toEqual(['session=1; Path=/', 'csrf=2; Path=/'])
  expect(said.headers.get('content-type')).toBe('text/plain')
})

test('a body that was refused unread is in nobody else’s way', async () => {
  const fetch = async (): Promise<Response> => new Response('no', { status: 403 })
  const socket = connect(await listening(toNodeListener({ fetch })), '127.0.0.1')
  const said = later<string>()
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => {
    text += more
    // Two of them, each behind the other on one connection.
    if (text.match(/^HTTP\/1.1 403/gm)?.length === 2) said.keep(text)
  })
  socket.on('close', () => said.keep(text))
  const size = 1024 * 1024
  socket.write(`POST /api/force HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`)
  socket.write('x'.repeat(size))
  socket.write('GET /api/overview HTTP/1.1\r\nhost: x\r\n\r\n')
  expect((await said.promise).match(/^HTTP\/1.1 403/gm)).toHaveLength(2)
  socket.destroy()
})

test('a server of HTTP/2, whose requests have headers that are none, is answered as well', async () => {
  const fetch = async (request: Request): Promise<Response> => Response.json(request.url)
  const listener = toNodeListener({ fetch }) as unknown as Parameters<typeof createServer2>[1]
  const server = createServer2(listener!).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  ends.push(() => {
    client.destroy()
    server.close()
  })
  const asked = client.request({ ':path': '/locks/', ':authority': 'locks.example' })
  let text = ''
  asked.setEncoding('utf8').on('data', (more: string) => (text += more))
  await once(asked, 'end')
  expect(JSON.parse(text)).toBe('http://locks.example/locks/')
})
