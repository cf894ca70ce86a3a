import { spawnSync } from 'node:child_process'
import { freePort } from '../../src/testing/wire.js'

/**
 * Makes `<path>.key` and `<path>.crt`: a certificate that vouches for itself, for a day.
 *
 * @param names for what it is, such as `IP:127.0.0.1` or `DNS:localhost,IP:127.0.0.1`
 * @returns false where there is no openssl
 */
export function certify(path: string, names: string): boolean {
  const subject = ['-subj', '/CN=holdfast', '-addext', `subjectAltName=${names}`]
  // GLIDE takes no authority for a server.
  subject.push('-addext', 'basicConstraints=critical,CA:FALSE')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const out = ['-keyout', `${path}.key`, '-out', `${path}.crt`]
  return (
    spawnSync('openssl', ['req', '-x509', '-days', '1', ...key, ...subject, ...out]).status === 0
  )
}

/** The settings of a server with that certificate, which asks its clients for none. */
export function tlsSettings(path: string): [name: string, value: string][] {
  return [
    ['tls-ca-cert-file', `${path}.crt`],
    ['tls-cert-file', `${path}.crt`],
    ['tls-key-file', `${path}.key`],
    ['tls-auth-clients', 'no'],
  ]
}

/** The same as arguments of the program. */
export function tlsArgs(path: string): string[] {
  return tlsSettings(path).flatMap(([name, value]) => [`--${name}`, value])
}

/** Starts something on a port that was free a moment ago, and on another one if somebody was quicker. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (tries === 5) throw error
    }
  }
}
