import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GlideClient, Logger } from '@valkey/valkey-glide'
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { certify, onFreePort, tlsArgs } from '../kit/certificate.js'
import { everything, fine } from './everything.js'
import { engines, refusal } from './kit.js'

// It writes warnings to stderr else.
Logger.init('off')

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
const file = (name: string): string => join(folder, name)
const certified = ['server', 'other'].every((name) => certify(file(name), 'IP:127.0.0.1'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(!certified || engines.includes('any')).each(engines)('TLS, on %s', (engine) => {
  let server: RunningServer
  let port: number
  const ends: (() => void)[] = []
  beforeAll(async () => {
    server = await onFreePort((free) => {
      port = free
      const args = ['--tls-port', `${free}`, ...tlsArgs(file('server'))]
      return startServer({ engine: engine as 'redis', args })
    })
  })
  afterEach(() => {
    for (const end of ends.splice(0)) end()
  })
  afterAll(() => server.stop())

  function ioredis(ca: string, Client = Redis): Holdfast {
    const redis = new Client({ host: '127.0.0.1', port, tls: { ca } })
    redis.on('error', () => {})
    ends.push(() => redis.disconnect())
    return new Holdfast(redis)
  }

  async function nodeRedis(ca: string): Promise<Holdfast> {
    const client = createClient({ socket: { host: '127.0.0.1', port, tls: true, ca } })
    client.on('error', () => {})
    ends.push(() => {
      if (client.isOpen) client.destroy()
    })
    void client.connect().catch(() => {})
    return new Holdfast(client)
  }

  async function glide(ca: string): Promise<Holdfast> {
    const client = await GlideClient.createClient({
      addresses: [{ host: '127.0.0.1', port }],
      requestTimeout: 5000,
      useTLS: true,
      advancedConfiguration: { tlsAdvancedConfiguration: { rootCertificates: ca } },
    })
    ends.push(() => client.close())
    return new Holdfast(client)
  }

  // They differ in their types only.
  const iovalkey = (ca: string): Holdfast => ioredis(ca, Valkey as unknown as typeof Redis)

  test.each([
    ['ioredis', (ca: string) => ioredis(ca)],
    ['iovalkey', iovalkey],
    ['node-redis', nodeRedis],
    ['Valkey GLIDE', glide],
  ])('%s does everything, and messages come over TLS too', async (_name, open) => {
    const plain = new Redis(server.url)
    ends.push(() => plain.disconnect())
    const ca = readFileSync(file('server.crt'), 'utf8')
    const { steps, errors } = await everything(await open(ca), await open(ca), new Holdfast(plain))
    expect(errors).toEqual([])
    expect(steps).toEqual(fine)
  })

  test.each([
    ['ioredis', (ca: string) => ioredis(ca)],
    ['iovalkey', iovalkey],
  ])('a certificate that %s does not trust: ERR_UNAVAILABLE', async (_name, open) => {
    const locks = open(readFileSync(file('other.crt'), 'utf8'))
    const error = await refusal(locks.ping({ timeout: 300 }))
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await locks.close()
  })
})
