import { createHash } from 'node:crypto'
import { inTime } from '../../base/in-time.js'
import type { Port, Reply, Script } from '../../clients/port.js'
import { keysOf } from '../../kernel/names.js'
import { electionChannel } from '../../kernel/news.js'
import { unanswered } from '../../quorum/ops.js'
import type { Engine } from '../engine.js'
import { found, unseen, type Found, type Severity } from './findings.js'
import { ms } from './samples.js'

/** Runs each line of ARGV from the third on, and says what it failed with. */
const lua = `
local stands = { KEY = KEYS[1], CHANNEL = ARGV[1], ELECTION = ARGV[2] }
local errors = {}
for i = 3, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do words[#words + 1] = stands[word] or word end
  local reply = redis.pcall(unpack(words))
  errors[#errors + 1] = type(reply) == 'table' and reply.err or ''
end
return errors
`
const TRY: Script = { name: 'try', lua, sha1: createHash('sha1').update(lua).digest('hex') }

/** Of an error's message. */
export const DENIED: RegExp = /NOPERM|ACL failure|no permissions|can't (run|access|publish)/i
const PUBLISH = 'PUBLISH CHANNEL doctor'
const CLIENTS = '&lock:client:*'

/** A command as the scripts use it, done so that nothing comes of it, and how bad it is not to have it. */
interface Right {
  readonly right: string
  readonly line: string
  readonly lack: Severity
}

const HISTORY: readonly (readonly [Severity, ...string[]])[] = [
  ['warning', 'XADD KEY NOMKSTREAM * f v', 'XTRIM KEY MAXLEN 1', 'XRANGE KEY - +'],
  ['warning', 'XREVRANGE KEY + -', 'ZREMRANGEBYSCORE KEY 0 1', 'ZSCAN KEY 0'],
]

/** What is missing, in the form of ACL SETUSER. */
type Missing = Map<string, Severity>

/**
 * What the scripts do, in an order in which the key is a string, by SET, for as long as all else is tried: then
 * what is for sorted sets and hashes writes nothing, and neither does it where SET is denied.
 *
 * @param until a server time, ms.
 */
function rightsFor(until: number, history: boolean): readonly Right[] {
  const lines: readonly (readonly [Severity, ...string[]])[] = [
    ['error', 'SET KEY doctor PX 10000', 'GET KEY', `PEXPIREAT KEY ${until}`, 'PTTL KEY', 'TIME'],
    ['error', 'ZADD KEY XX 1 m', 'ZREM KEY m', 'ZCARD KEY', 'ZCOUNT KEY 0 1', 'ZSCORE KEY m'],
    ['error', 'ZRANK KEY m', 'ZRANGE KEY 0 0', 'ZREVRANGE KEY 0 0', 'ZRANGEBYSCORE KEY 0 1'],
    // A value is missing: it is refused as such, but not before the right is looked at.
    ['error', 'HSET KEY f v f', 'HGET KEY f', 'HDEL KEY f'],
    ['warning', 'INFO server', 'PUBSUB NUMSUB c', PUBLISH],
    ['note', 'EXISTS KEY', 'TYPE KEY', 'PEXPIRETIME KEY', 'SCAN 0 COUNT 1', 'PUBLISH ELECTION -'],
    ...(history ? HISTORY : []),
    // Who may not DEL may have it expire.
    ['error', 'DEL KEY', 'PEXPIREAT KEY 1'],
  ]
  return lines.flatMap(([lack, ...all]) =>
    all.map((line) => {
      const [command = '', second = ''] = line.toLowerCase().split(' ')
      return { right: command === 'pubsub' ? `+pubsub|${second}` : `+${command}`, line, lack }
    }),
  )
}

/**
 * Tries, on a key of this name and on a channel of its own, all that Holdfast needs a right to; and whether
 * a message arrives.
 *
 * @param name one that nobody else uses.
 * @param time of the server, ms.
 */
export async function rights(
  engine: Engine,
  port: Port,
  name: string,
  time: number,
  timeout: number,
): Promise<readonly Found[]> {
  const { runtime, prefix, queue, clock } = engine
  const limited = <T>(promise: Promise<T>): Promise<T> =>
    inTime(runtime, promise, timeout, () => {
      throw unanswered(timeout)
    })
  const missing: Missing = new Map()
  const channel = `${queue.mailbox.channel}:doctor`
  let heard!: (at: number) => void
  const message = new Promise<number>((resolve) => (heard = resolve))
  const events = { onMessage: () => heard(clock.now()), onGap: () => undefined }
  const subscribing = port.subscribe(channel, events)
  const refused = await limited(subscribing).then(() => null, text)
  if (refused !== null && DENIED.test(refused)) {
    missing.set(/channel/i.test(refused) ? CLIENTS : '+subscribe', 'error')
  }
  const published = clock.now()
  const [key, side] = keysOf(name, prefix)
  const all = rightsFor(Math.ceil(time) + 10_000, Boolean(engine.options.history))
  const ends = all.filter(({ line }) => /^(SET|DEL|PEXPIREAT) /.test(line))
  const channels = [channel, electionChannel(key)]
  const patterns = [`~${prefix}*`, `~{*}:hf:*:${prefix}*`] as const
  const tried = (on: string, pattern: string, which: readonly Right[]): Promise<void> =>
    tryAll(limited, port, on, channels, which).then((errors) =>
      errors.forEach((error, i) => {
        const right = which[i]!
        sent ||= right.line === PUBLISH && error === ''
        lacks(missing, right, error, pattern)
      }),
    )
  let failed: string | null = null
  let sent = false
  try {
    // Where the keys themselves are denied, nothing of it is tried: then on the other one.
    const first = await tried(key, patterns[0], all).catch(deniedWhole(missing, patterns[0]))
    await tried(side, patterns[1], first === false ? all : ends).catch(
      deniedWhole(missing, patterns[1]),
    )
    // Its text may be known to the server already.
    if (port.command) {
      await limited(port.command(['EVAL', 'return 1', '0'])).catch(deniedWhole(missing, ''))
    }
  } catch (error) {
    failed = text(error)
  }
  const may = failed === null ? judged(missing) : unseen('rights', failed)
  const arrived = async (): Promise<Found> => {
    if (refused !== null) return found('message', 'error', `it could not subscribe: ${refused}`)
    if (!sent) return unseen('message', failed ?? 'it may not be published')
    const heardAt = message.then((at) => {
      const latency = at - published
      return found('message', 'ok', `a message arrived after ${ms(latency)}`, { latency })
    })
    return inTime(runtime, heardAt, timeout, () =>
      found('message', 'warning', `no message arrived within ${ms(timeout)}`),
    )
  }
  const findings = [may, await arrived()]
  // Also one that is confirmed when nobody waits any more.
  void subscribing.then(
    (subscription) => subscription.close(),
    () => undefined,
  )
  return findings
}

async function tryAll(
  limited: <T>(promise: Promise<T>) => Promise<T>,
  port: Port,
  key: string,
  channels: readonly string[],
  all: readonly Right[],
): Promise<readonly string[]> {
  const lines = all.map(({ line }) => line)
  const errors = (await limited(port.run(TRY, [key], [...channels, ...lines]))) as readonly Reply[]
  return errors.map(String)
}

/** What the error of one command says that is missing. */
function lacks(missing: Missing, { right, line, lack }: Right, error: string, keys: string): void {
  if (!DENIED.test(error)) return
  if (/channel/i.test(error)) {
    if (line.includes('ELECTION')) missing.set('&lock:election:*', lack)
    else missing.set(CLIENTS, 'error')
  } else if (/\bkeys?\b/i.test(error)) missing.set(keys, 'error')
  // The same command twice: the worse one comes first.
  else if (!missing.has(right)) missing.set(right, lack)
}

/** The same for a call that was denied as a whole. @throws what else was wrong */
const deniedWhole =
  (missing: Missing, keys: string) =>
  (error: unknown): false => {
    const reason = text(error)
    if (!DENIED.test(reason)) throw error
    if (/\bkeys?\b/i.test(reason)) missing.set(keys, 'error')
    else missing.set(/\beval\b/i.test(reason) ? '+eval' : '+evalsha', 'error')
    return false
  }

function judged(missing: Missing): Found {
  if (missing.size === 0) return found('rights', 'ok', 'the user may do all that is needed')
  const severities = [...missing.values()]
  const severity = (['error', 'warning', 'note'] as const).find((one) => severities.includes(one))!
  const list = [...missing.keys()].join(' ')
  return found('rights', severity, `missing: ${list}`, { missing: list })
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error))
