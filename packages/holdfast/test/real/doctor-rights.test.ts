import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding, HoldfastOptions, Severity } from '../../src/index.js'
import { documented, inScripts, ofHistory } from './acl-kit.js'
import { examined, finding, is } from './doctor-kit.js'
import { engines, World } from './kit.js'

/** What Holdfast can do without, by docs/clients.md; all else is an error. */
const LESS: Readonly<Record<string, Severity>> = {
  '+info': 'warning',
  '+pubsub|numsub': 'warning',
  '+publish': 'warning',
  '+exists': 'note',
  '+type': 'note',
  '+pexpiretime': 'note',
  '+scan': 'note',
  '&lock:election:*': 'note',
}

describe.each(engines)('doctor names the right that is missing, on %s', (engine) => {
  let world: World
  let users = 0
  beforeAll(async () => {
    world = await World.start(engine)
  })
  afterAll(async () => {
    await world.clean()
    await world.stop()
  })

  async function user(
    rights: readonly string[],
    options: HoldfastOptions = {},
  ): Promise<readonly Finding[]> {
    const username = `u${++users}`
    await world.admin.call('ACL', 'SETUSER', username, 'reset', 'on', '>p', ...rights)
    // It asks for INFO before anything else, and writes to stderr when it may not.
    const client = world.client({ username, password: 'p', enableReadyCheck: false })
    const locks = world.locks(options, client)
    const findings = await examined(locks)
    await locks.close()
    client.disconnect()
    return findings
  }

  test('all that is documented: nothing is missing', async () => {
    const findings = await user(documented())
    is(findings, 'rights', 'ok')
    is(findings, 'message', 'ok')
    is(findings, 'lock', 'ok')
  })

  test('each that is documented, in turn', async () => {
    const all = documented()
    const patterns = (right: string): boolean => /^[~&]/.test(right)
    // Without it the connection is ended all the same.
    const each = all.filter(
      (one) => (one.startsWith('+') || patterns(one)) && one !== '+unsubscribe',
    )
    for (const right of inScripts()) expect([...each, ...ofHistory()]).toContain(right)
    for (const right of each) {
      const less = all.filter((one) => one !== right)
      const findings = await user(less)
      const { severity, values } = finding(findings, 'rights')
      expect({ right, severity, missing: values['missing'] }).toEqual({
        right,
        severity: LESS[right] ?? 'error',
        missing: right,
      })
    }
  })

  test('with a history those of a history too', async () => {
    const all = [...documented(), ...ofHistory()]
    is(await user(all, { history: true }), 'rights', 'ok')
    for (const right of ofHistory()) {
      const less = all.filter((one) => one !== right)
      const { severity, values } = finding(await user(less, { history: true }), 'rights')
      expect({ severity, missing: values['missing'] }).toEqual({
        severity: 'warning',
        missing: right,
      })
    }
  })

  test('several at once, and where nothing is allowed', async () => {
    const few = documented().filter((one) => !/^\+(z|h)/.test(one))
    const missing = is(await user(few), 'rights', 'error')
    for (const right of documented()) {
      expect(missing.split(' ').includes(right)).toBe(/^\+(z|h)/.test(right))
    }
    // What can be tried on neither of the two keys is tried on the other.
    const less = documented().filter((one) => one !== '~lock:*' && one !== '+zadd')
    expect(is(await user(less), 'rights', 'error')).toBe('missing: ~lock:* +zadd')
    const nothing = await user(['-@all'])
    is(nothing, 'reachable', 'error')
    is(nothing, 'lock', 'error')
  })

  test('another prefix; a subscription that is refused is an error of its own', async () => {
    const findings = await user(documented(), { prefix: 'other:' })
    expect(finding(findings, 'rights').values['missing']).toBe('~other:* ~{*}:hf:*:other:*')
    const silent = await user(documented().filter((one) => one !== '&lock:client:*'))
    is(silent, 'message', 'error')
    is(silent, 'lock', 'ok')
  })

  test('nothing of it is left', async () => {
    expect(await world.admin.keys('*try*')).toEqual([])
  })
})
