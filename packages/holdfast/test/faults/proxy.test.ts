import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FaultProxy } from '../kit/proxy.js'
import { until } from '../real/kit.js'

/** One end of a connection, and all that it was told. */
class Peer {
  text = ''
  chunks = 0
  ended = false
  closed = false
  error = ''
  readonly socket: Socket

  /** Whoever got bytes just before the reset may see an end and no error. */
  get gone(): boolean {
    return this.ended || this.closed
  }

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString()
      this.chunks += 1
    })
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.closed = true))
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code ?? error.message))
  }
}

let server: Server
let served: Peer[]
let clients: Peer[]
let proxy: FaultProxy

beforeEach(async () => {
  served = []
  clients = []
  server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    served.push(new Peer(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await FaultProxy.start({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
  })
})

afterEach(async () => {
  await proxy.close()
  for (const { socket } of [...served, ...clients]) socket.destroy()
  server.close()
})

function dial(port = proxy.port): Peer {
  const peer = new Peer(connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true }))
  clients.push(peer)
  return peer
}

/** A client and the server's end of its connection, after a word each way. */
async function pair(): Promise<[client: Peer, server: Peer]> {
  const client = dial()
  const at = served.length
  client.socket.write('hi ')
  const end = await until(() => {
    expect(served[at]?.text).toBe('hi ')
    return served[at]!
  })
  end.socket.write('ho ')
  await until(() => expect(client.text).toBe('ho '))
  return [client, end]
}

const reads = (peer: Peer, text: string): Promise<void> => until(() => expect(peer.text).toBe(text))

/** Bytes of another connection have made the same way, so what has not come by now is held up. */
async function meanwhile(): Promise<void> {
  const direct = await FaultProxy.start(proxy.target)
  const peer = dial(direct.port)
  const at = served.length
  peer.socket.write('x')
  await until(() => expect(served[at]?.text).toBe('x'))
  served[at]!.socket.write('y')
  await reads(peer, 'y')
  await direct.close()
}

test('passes what it gets, and counts', async () => {
  const [client, end] = await pair()
  await pair()
  expect(proxy.accepted).toBe(2)
  expect(proxy.open).toBe(2)
  const large = 'x'.repeat(300_000)
  client.socket.end(large)
  await reads(end, `hi ${large}`)
  await until(() => expect(end.ended).toBe(true))
  expect(client.closed).toBe(false)
  end.socket.end(large)
  await reads(client, `ho ${large}`)
  await until(() => expect([client.closed, end.closed, client.error]).toEqual([true, true, '']))
  await until(() => expect(proxy.open).toBe(1))
})

test.each(['request', 'reply'] as const)('delays %s only', async (direction) => {
  const [client, end] = await pair()
  const [slow, quick] = direction === 'request' ? [client, end] : [end, client]
  const [slowTo, quickTo] = direction === 'request' ? [end, client] : [client, end]
  proxy.delay(80, direction)
  const began = performance.now()
  slow.socket.write('late')
  quick.socket.write('now')
  await until(() => expect(quickTo.text).toContain('now'))
  await until(() => expect(slowTo.text).toContain('late'))
  expect(performance.now() - began).toBeGreaterThan(79)
  proxy.delay(600_000)
  slow.socket.write(' and')
  await meanwhile()
  expect(slowTo.text).not.toContain('and')
  proxy.delay(0)
  await until(() => expect(slowTo.text).toContain('late and'))
})

test.each(['request', 'reply'] as const)(
  'drops %s; heal resets what lost bytes',
  async (direction) => {
    const [client, end] = await pair()
    const [from, to] = direction === 'request' ? [client, end] : [end, client]
    const before = to.text
    proxy.drop(direction)
    from.socket.write('lost')
    to.socket.write('found')
    await until(() => expect(from.text).toContain('found'))
    await meanwhile()
    expect(to.text).toBe(before)
    expect([client.closed, end.closed]).toEqual([false, false])
    await proxy.heal()
    await until(() => expect([client.error, end.error]).toEqual(['ECONNRESET', 'ECONNRESET']))
    expect(to.text).toBe(before)
    await pair()
  },
)

test('freezes and resumes: nothing is lost, the order stays', async () => {
  const [client, end] = await pair()
  proxy.freeze('request')
  client.socket.write('a')
  client.socket.end('b')
  end.socket.write('c')
  await reads(client, 'ho c')
  await meanwhile()
  expect([end.text, end.ended]).toEqual(['hi ', false])
  proxy.resume()
  await reads(end, 'hi ab')
  await until(() => expect(end.ended).toBe(true))
})

test('splits into single bytes', async () => {
  const [client, end] = await pair()
  proxy.split(2, 'request')
  client.socket.write('0123456789')
  await reads(end, 'hi 0123456789')
  expect(end.chunks).toBeGreaterThan(3)
  await proxy.heal()
})

test('cuts a request off after so many bytes, once, and only the one that is meant', async () => {
  const [client, end] = await pair()
  const [other, otherEnd] = await pair()
  const cut = proxy.cutAfter('request', 4, /SET/)
  client.socket.write('GET x')
  await reads(end, 'hi GET x')
  client.socket.write('SET x 1')
  await cut
  await until(() => expect([client.gone, end.gone]).toEqual([true, true]))
  expect(end.text).toBe('hi GET xSET ')
  other.socket.write('SET y 1')
  await reads(otherEnd, 'hi SET y 1')
  expect(proxy.cuts).toBe(1)
})

test('cuts a reply off after so many bytes: the request has arrived', async () => {
  const [client, end] = await pair()
  const cut = proxy.cutAfter('reply', 2, /SET/)
  end.socket.write('before')
  await reads(client, 'ho before')
  client.socket.write('SET x 1')
  await reads(end, 'hi SET x 1')
  end.socket.write('+OK')
  await cut
  await until(() => expect([client.gone, end.gone]).toEqual([true, true]))
  expect(client.text).toBe('ho before+O')
})

test.each(['request', 'reply'] as const)('half-closes %s', async (direction) => {
  const [client, end] = await pair()
  const [open, shut] = direction === 'request' ? [client, end] : [end, client]
  proxy.halfClose(direction)
  await until(() => expect(shut.ended).toBe(true))
  shut.socket.write('still')
  await until(() => expect(open.text).toContain('still'))
  expect([open.ended, open.closed, shut.closed]).toEqual([false, false, false])
})

test.each(['server', 'client'] as const)(
  'the %s vanishes, and the other end is not told',
  async (who) => {
    const [client, end] = await pair()
    const [stays, goes] = who === 'server' ? [client, end] : [end, client]
    proxy.vanish(who)
    await until(() => expect(goes.error).toBe('ECONNRESET'))
    stays.socket.write('anybody?')
    await pair()
    expect([stays.ended, stays.closed]).toEqual([false, false])
    await proxy.heal()
    await until(() => expect(stays.error).toBe('ECONNRESET'))
  },
)

test('refuses connections, and accepts them again on the same port', async () => {
  const [client, end] = await pair()
  const { port } = proxy
  await proxy.refuse()
  const refused = dial()
  await until(() => expect(refused.error).toBe('ECONNREFUSED'))
  client.socket.write('still here')
  await reads(end, 'hi still here')
  await proxy.accept()
  await pair()
  expect(proxy.port).toBe(port)
})

test('delays connections', async () => {
  proxy.delayConnections(600_000)
  const client = dial()
  client.socket.write('hello')
  await meanwhile()
  expect(served.length).toBe(1) // That of `meanwhile`.
  expect(client.error).toBe('')
  await proxy.heal()
  await until(() => expect(client.error).toBe('ECONNRESET'))
  proxy.delayConnections(30)
  await pair()
})

test('leads new connections to another server', async () => {
  const [client] = await pair()
  const next = createServer((socket) => {
    socket.on('error', () => {})
    socket.end('the other one')
  })
  next.listen(0, '127.0.0.1')
  await once(next, 'listening')
  proxy.target = { host: '127.0.0.1', port: (next.address() as AddressInfo).port }
  expect(client.closed).toBe(false)
  proxy.cut()
  await until(() => expect(client.error).toBe('ECONNRESET'))
  const moved = dial()
  await reads(moved, 'the other one')
  moved.socket.destroy()
  next.close()
})

test('a server that is away resets the client', async () => {
  server.close()
  const client = dial()
  await until(() => expect(client.closed).toBe(true))
})

test('close leaves nothing: no connection, no listener', async () => {
  const [client, end] = await pair()
  proxy.freeze()
  client.socket.write('kept for ever')
  await proxy.close()
  await until(() => expect([client.closed, end.closed]).toEqual([true, true]))
  await until(() => expect(proxy.open).toBe(0))
  const refused = dial()
  await until(() => expect(refused.error).toBe('ECONNREFUSED'))
})
