import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { startServer, type RunningServer } from '../../src/testing/index.js'
import { freePort } from '../../src/testing/wire.js'
import { everything, fine } from './everything.js'
import { engines, refusal } from './kit.js'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
const file = (name: string): string => join(folder, name)
const openssl = (...args: string[]): boolean => spawnSync('openssl', args).status === 0

/** A certificate that vouches for itself, on this machine, for an hour or a day. */
function certify(name: string): boolean {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)]
  return openssl('req', '-x509', '-days', '1', ...key, ...subject, ...out)
}
const certified = certify('server') && certify('other')

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(!certified || engines.includes('any')).each(engines)('TLS, on %s', (engine) => {
  let server: RunningServer
  let port: number
  const ends: (() => void)[] = []
  beforeAll(async () => {
    port = await freePort()
    const args = ['--tls-port', `${port}`, '--tls-auth-clients', 'no', '--tls-ca-cert-file']
    args.push(file('server.crt'), '--tls-cert-file', file('server.crt'))
    args.push('--tls-key-file', file('server.key'))
    server = await startServer({ engine: engine as 'redis', args })
  })
  afterEach(() => {
    for (const end of ends.splice(0)) end()
  })
  afterAll(() => server.stop())

  function ioredis(ca: string): Holdfast {
    const redis = new Redis({ host: '127.0.0.1', port, tls: { ca } })
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

  test.each([
    ['ioredis', ioredis],
    ['node-redis', nodeRedis],
  ])('%s does everything, and messages come over TLS too', async (_name, open) => {
    const plain = new Redis(server.url)
    ends.push(() => plain.disconnect())
    const ca = readFileSync(file('server.crt'), 'utf8')
    const { steps, errors } = await everything(await open(ca), await open(ca), new Holdfast(plain))
    expect(errors).toEqual([])
    expect(steps).toEqual(fine)
  })

  test('a certificate that is not trusted: ERR_UNAVAILABLE', async () => {
    const locks = ioredis(readFileSync(file('other.crt'), 'utf8'))
    const error = await refusal(locks.ping({ timeout: 300 }))
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    await locks.close()
  })
})
