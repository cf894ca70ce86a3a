import assert from 'node:assert/strict'
import type { Port, Reply } from '../../clients/port.js'
import { recogniseAll } from '../../clients/recognise.js'
import { keysOf } from '../../kernel/names.js'
import { acquireFields, channelOf, decodePush, PROTOCOL } from '../../kernel/protocol.js'
import { scripts } from '../../kernel/scripts.gen.js'
import { uniqueName, type ConformanceTarget } from './bench.js'

/** A port runs scripts. */
export async function rawScript(target: ConformanceTarget): Promise<void> {
  const { port, close } = await rawPort(target)
  try {
    const keys = keysOf(uniqueName(), 'lock:')
    const owner = `${'c'.repeat(32)}.1`
    const request = { mode: 'x', ttl: 5000, claim: 2000, info: 'ü' } as const
    const fields = acquireFields(owner, request, false, '', { ms: '', run: '' })
    const grants: Reply[] = []
    for (let i = 0; i < 2; i++) {
      const reply = await port.run(scripts.acquire, keys, [PROTOCOL, ...fields])
      assert.ok(Array.isArray(reply) && Array.isArray(reply[3]), JSON.stringify(reply))
      grants.push((reply[3] as Reply[]).slice(0, 2).map(String))
    }
    assert.equal((grants[0] as string[])[0], 'granted')
    assert.deepEqual(grants[0], grants[1])
    await port.run(scripts.release, keys, [PROTOCOL, owner])
  } finally {
    await close()
  }
}

/** A port subscribes. */
export async function rawPush(target: ConformanceTarget): Promise<void> {
  const { port, close } = await rawPort(target)
  try {
    const keys = keysOf(uniqueName(), 'lock:')
    const client = Array.from({ length: 4 }, () =>
      Math.floor(Math.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('')
    const messages: string[] = []
    let arrived = (): void => {}
    const message = new Promise<void>((resolve) => (arrived = resolve))
    const subscription = await port.subscribe(channelOf(client), {
      onMessage(text) {
        messages.push(text)
        arrived()
      },
      onGap() {},
    })
    const request = { mode: 'x', ttl: 5000, claim: 2000, info: '' } as const
    const none = { ms: '', run: '' }
    for (const n of [1, 2]) {
      const fields = acquireFields(`${client}.${n}`, request, n === 2, '', none)
      await port.run(scripts.acquire, keys, [PROTOCOL, ...fields])
    }
    await port.run(scripts.release, keys, [PROTOCOL, `${client}.1`])
    await message
    assert.equal(decodePush(messages[0]!)?.kind, 'grant')
    await subscription.close()
    await port.run(scripts.release, keys, [PROTOCOL, `${client}.2`])
  } finally {
    await close()
  }
}

/** The port behind a client, closed together with it. */
async function rawPort(
  target: ConformanceTarget,
): Promise<{ port: Port; close: () => Promise<void> }> {
  const { client, close } = await target.open()
  const port = recogniseAll(client)[0]!
  return {
    port,
    close: async () => {
      await port.close()
      await close()
    },
  }
}
