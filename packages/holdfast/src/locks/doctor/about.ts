import { inTime } from '../../base/in-time.js'
import type { Runtime } from '../../base/runtime.js'
import type { PortNode } from '../../clients/port.js'
import { unanswered } from '../../quorum/ops.js'

/** What a server says of itself; where it does not, the reason. */
export interface About {
  /** The fields of INFO; null: it does not say. */
  readonly info: ReadonlyMap<string, string> | null
  readonly infoMissing: string
  /** Settings, as CONFIG GET has them; one that is missing could not be read. */
  readonly config: ReadonlyMap<string, string>
  readonly configMissing: string
}

const SETTINGS = [
  'timeout',
  'client-output-buffer-limit',
  'save',
  'appendfsync',
  'min-replicas-to-write',
] as const

export async function about(
  server: PortNode,
  kind: string,
  runtime: Runtime,
  timeout: number,
): Promise<About> {
  const command = server.command?.bind(server)
  if (!command) {
    const missing = `a ${kind} client gives no way to ask for it`
    return { info: null, infoMissing: missing, config: new Map(), configMissing: missing }
  }
  const ask = (...words: readonly string[]): Promise<unknown> =>
    inTime(runtime, command(words), timeout, () => {
      throw unanswered(timeout)
    })
  const [info, ...settings] = await Promise.allSettled([
    ask('INFO'),
    ...SETTINGS.map((name) => ask('CONFIG', 'GET', name)),
  ])
  const config = new Map<string, string>()
  let configMissing = 'CONFIG GET does not know it'
  for (const [i, one] of settings.entries()) {
    const value = one.status === 'fulfilled' ? valueOf(one.value) : null
    if (value !== null) config.set(SETTINGS[i]!, value)
    if (one.status === 'rejected') configMissing = because('CONFIG GET', one.reason)
  }
  const told = info.status === 'fulfilled'
  return {
    info: told ? fieldsOf(String(info.value)) : null,
    infoMissing: told ? 'INFO does not say it' : because('INFO', info.reason),
    config,
    configMissing,
  }
}

const because = (command: string, error: unknown): string =>
  `${command} was refused (${error instanceof Error ? error.message : String(error)})`

const fieldsOf = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]))

/** The one value of a reply to CONFIG GET, in whatever form a client has it; null if there is none. */
function valueOf(reply: unknown): string | null {
  const values = reply instanceof Map ? [...reply.values()] : Object.values(reply ?? {})
  const last: unknown = values.at(-1)
  if (last === undefined) return null
  const pair = last as { readonly value?: unknown }
  return String(typeof last === 'object' && last !== null && 'value' in last ? pair.value : last)
}
