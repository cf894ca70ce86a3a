// --cluster and --sentinel over TLS, where the servers ask for a password and the Sentinels for another one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findServer, startServer, type RunningServer } from 'holdfast/testing'
import { certify, onFreePort, tlsArgs, tlsSettings } from '../../holdfast/test/kit/certificate.js'
import { GROUP, watch } from '../../holdfast/test/kit/sentinel.js'
import { until } from '../../holdfast/test/kit/until.js'
import { holdfast, reasonOf, type Ended } from './kit.js'

const SECRET = 's3cret/of:all'
const SENTINELS = 'another'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
const byName = join(folder, 'name')
// A Sentinel says where the primary is by its address.
const byAddress = join(folder, 'address')
const certified =
  certify(byName, 'DNS:localhost') && certify(byAddress, 'DNS:localhost,IP:127.0.0.1')
const trust = (path: string) => ({ NODE_EXTRA_CA_CERTS: `${path}.crt` })

const engines = (['redis', 'valkey'] as const).map(async (engine) =>
  (await findServer({ engine })) ? [engine] : [],
)
const found = (await Promise.all(engines)).flat()

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const url = (port: number, secret = SECRET): string =>
  `rediss://:${encodeURIComponent(secret)}@localhost:${port}`

describe.skipIf(!certified).each(found)('over TLS, on %s', (engine) => {
  const run = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> =>
    holdfast(['run', ...args, 'a', 'echo', 'ran'], env)
  const ran = { code: 0, stdout: 'ran\n', stderr: '' }

  describe('--cluster', () => {
    let server: RunningServer
    let port: number
    beforeAll(async () => {
      server = await onFreePort((free) => {
        port = free
        const args = [...tlsArgs(byName), '--tls-port', `${free}`, '--tls-cluster', 'yes']
        args.push('--cluster-enabled', 'yes', '--cluster-announce-hostname', 'localhost')
        args.push('--cluster-preferred-endpoint-type', 'hostname', '--requirepass', SECRET)
        return startServer({ engine, args })
      })
      const admin = new Redis(server.port, server.host, { password: SECRET })
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
      await until(async () => {
        const info = await admin.cluster('INFO')
        if (!info.includes('cluster_state:ok')) throw new Error(info)
      })
      admin.disconnect()
    })
    afterAll(() => server.stop())

    test('the servers are found by the name that the certificate has', async () => {
      expect(await run(['--cluster', '--url', url(port)], trust(byName))).toMatchObject(ran)
    })

    test('a wrong password, and a certificate that nobody vouches for', async () => {
      const wrong = await run(['--cluster', '--url', url(port, 'no')], trust(byName))
      expect([wrong.code, reasonOf(wrong)['msg']]).toEqual([69, expect.stringMatching(/WRONGPASS/)])
      const doubtful = await run(['--cluster', '--url', url(port)], {})
      expect(doubtful.code).toBe(69)
      expect(reasonOf(doubtful)['msg']).toMatch(/self-signed certificate/)
    })
  })

  describe('--sentinel', () => {
    let server: RunningServer
    let sentinel: Awaited<ReturnType<typeof watch>>
    let port: number
    beforeAll(async () => {
      let primary = 0
      server = await onFreePort((free) => {
        primary = free
        const args = [...tlsArgs(byAddress), '--tls-port', `${free}`, '--requirepass', SECRET]
        return startServer({ engine, args })
      })
      sentinel = await onFreePort((free) => {
        port = free
        return watch(engine, primary, 1, 5000, [
          ...tlsSettings(byAddress).map((pair) => pair.join(' ')),
          `tls-port ${free}`,
          'tls-replication yes',
          `sentinel auth-pass ${GROUP} ${SECRET}`,
          `requirepass ${SENTINELS}`,
        ])
      })
    })
    afterAll(() => Promise.all([server.stop(), sentinel.stop()]))

    test('both passwords are given', async () => {
      const env = { ...trust(byAddress), HOLDFAST_SENTINEL_PASSWORD: SENTINELS }
      expect(await run(['--sentinel', GROUP, '--url', url(port)], env)).toMatchObject(ran)
    })

    test('without that of the Sentinels it says so', async () => {
      const refused = await run(['--sentinel', GROUP, '--url', url(port)], trust(byAddress))
      expect(refused.code).toBe(69)
      expect(reasonOf(refused)['msg']).toMatch(/HOLDFAST_SENTINEL_PASSWORD/)
    })
  })
})
