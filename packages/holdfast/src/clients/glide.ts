import { nothing, portOf, type Adapter, type Runner } from './common.js'
import { connectSecond } from './glide-second.js'
import { connect, type GlideLike, type Inside } from './glide-subscriber.js'
import type { Port } from './port.js'
import type { Shape } from './shapes.js'
import { wandering } from './wandering.js'

export type { GlideLike }

/** `Decoder.String`: texts, whatever the client's own default. */
const decoder = 1

/** GLIDE tells nobody that it was closed. */
const looking =
  (closed: () => boolean): NonNullable<Adapter['ended']> =>
  (end) => {
    const timer = setInterval(() => closed() && end(), 250).unref()
    return () => clearInterval(timer)
  }

/**
 * Makes a port of a GlideClient or GlideClusterClient.
 *
 * Subscriptions live on one client of their own, made with the configuration of the user's when the
 * first is asked for: on the user's, messages would go to his callback or into his queue. GLIDE
 * connects it again by itself and tells of that by no event, but it does see the server's notice
 * that it is subscribed anew; from one that was not asked for the port learns that messages may have
 * been missed. Before a first subscription the right to the channel is tried by a PUBLISH of
 * nothing, because GLIDE takes a refusal for a server that is away and asks again for ever.
 *
 * It is always ready: GLIDE queues nothing, but rejects after its `requestTimeout` (250 ms). A closed
 * client of its may keep its connection for some seconds.
 */
export function glidePort(client: GlideLike, shape: Shape): Port {
  const user = client as Inside
  const over = (): boolean => user.isClosed
  const { cluster } = shape
  return portOf({
    ...shape,
    ready: () => true,
    watch: () => nothing,
    ended: looking(over),
    over,
    start: nothing,
    ...runner(client),
    ...(cluster ? { nodes: () => primaries(user) } : {}),
    open: wandering(() => connect(user), over),
    ...(cluster ? {} : { second: wandering(() => connectSecond(user), over) }),
  })
}

function runner(client: GlideLike, route?: object): Runner {
  const options = route ? { decoder, route } : { decoder }
  const call = (command: string, of: string, keys: readonly string[], args: readonly string[]) =>
    client.customCommand([command, of, `${keys.length}`, ...keys, ...args], options)
  return {
    byHash: (sha1, keys, args) => call('EVALSHA', sha1, keys, args),
    byText: (lua, keys, args) => call('EVAL', lua, keys, args),
    command: (words) => client.customCommand([...words], options),
  }
}

async function primaries(client: Inside): Promise<readonly Runner[]> {
  type Primary = [
    host: string | null,
    port: number,
    id: string,
    more?: { key: string; value: string }[],
  ]
  const slots = await client.customCommand(['CLUSTER', 'SLOTS'], { decoder })
  const [seed] = client.config['addresses'] as [{ host: string }]
  const all = new Map<string, { host: string; port: number }>()
  for (const [, , [told, port, , more]] of slots as [from: number, to: number, Primary][]) {
    // One that tells no host is reached by its name, or else by that of the others. (By the number
    // of a slot GLIDE 2.3 finds the way to slot 0 only.)
    const host = told || more?.find(({ key }) => key === 'hostname')?.value || seed.host
    all.set(`${host}:${port}`, { host, port })
  }
  return [...all.values()].map((at) => runner(client, { type: 'routeByAddress', ...at }))
}
