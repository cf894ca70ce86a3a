import { HoldfastError, invalid } from '../base/errors.js'
import type { Port } from '../clients/port.js'
import { recognise, type Client } from '../clients/recognise.js'
import { insteadOf } from '../kernel/names.js'
import { classify } from '../quorum/replies.js'
import { scripts } from './scripts.gen.js'
import { checkFence, checkText, fenced } from './token.js'

/**
 * Keys of Redis or Valkey that refuse a stale fencing token. A key is a hash: `fence` is the highest
 * token that ever came, `value` the value; so it is one key in one slot, and `HGET key value` reads it
 * for those who hold no lock. It has no expiry: a fence that is forgotten lets everybody in.
 *
 * Every method claims the key for the token first, in one step with the rest. A lower one is refused
 * from then on; the same one may come again. Each rejects with
 *
 * - `ERR_FENCED`: a later token was here (`stands`); nothing was written.
 * - `ERR_INVALID_ARGUMENT`: a key, value or token that cannot be right.
 * - `ERR_UNAVAILABLE`: the client's error (`cause`). A `set` or `del` may have been carried out.
 * - `ERR_CONFIG`: a refusal that no retry mends, such as a key of another type.
 *
 * There is no time limit but the client's own.
 */
export interface FencedRedis {
  /** Claims the key. Only where it is not read: `get` claims it too. */
  claim(key: string, fence: number): Promise<void>
  /** Claims the key and reads it; null where there is no value. */
  get(key: string, fence: number): Promise<string | null>
  /** Writes the value. */
  set(key: string, value: string, fence: number): Promise<void>
  /** Deletes the value and keeps the fence; says whether there was a value. */
  del(key: string, fence: number): Promise<boolean>
}

/**
 * Reads and writes keys under fencing tokens.
 *
 * @param client any client that Holdfast takes, of one server, Cluster or Sentinel; the one that locks,
 * or another one. It opens no connection of its own, and there is nothing to close.
 * @throws `ERR_CONFIG` for what is no client.
 */
export function fencedRedis(client: Client | Port): FencedRedis {
  if (Array.isArray(client)) throw severalClients(client.length)
  const port = recognise(client)

  const run = async (key: string, fence: number, ...what: string[]): Promise<unknown> => {
    const expected = insteadOf(key, '')
    if (expected !== null) throw invalid('key', key, expected)
    checkFence(fence)
    const reply = await port.run(scripts.fenced, [key], [String(fence), ...what]).catch((error) => {
      const { code, message, cause } = classify(error, port.kind)
      throw new HoldfastError(code, `${message} (fenced key ${JSON.stringify(key)})`, { cause })
    })
    const [verdict, value] = reply as [string, unknown]
    if (verdict === 'fenced') throw fenced(key, fence, Number(value))
    return value
  }

  return {
    claim: async (key, fence) => void (await run(key, fence, 'claim')),
    get: async (key, fence) => ((await run(key, fence, 'get')) ?? null) as string | null,
    set: async (key, value, fence) => {
      checkText('value', value)
      await run(key, fence, 'set', value)
    },
    del: async (key, fence) => (await run(key, fence, 'del')) === 1,
  }
}

/** As a quorum has them: whoever locks on several servers fences on one. */
function severalClients(count: number): HoldfastError {
  const given = `an array of ${count}`
  const message = `fencedRedis takes one client; it was given ${given}. A key is fenced on one server, Cluster or Sentinel group.`
  return new HoldfastError('ERR_CONFIG', message, { given, expected: 'one client' })
}
