import type { Call, Pipeline } from './acknowledged.js'
import type { Inside } from './glide-subscriber.js'
import type { Place } from './wandering.js'

/** `Decoder.String`: texts, whatever the client's own default. */
const decoder = 1
/** Beyond the time of the WAIT. */
const ANSWER_MS = 4000

/** A command as GLIDE is about to write it. */
type Command = unknown

/** What a GlideClient does with commands that go together. It makes them only to write them at once. */
interface Batching extends Inside {
  exec(
    batch: { commands: Command[]; isAtomic: false; setCommandsIndexes: [] },
    raiseOnError: false,
    options: { decoder: number; timeout: number },
  ): Promise<unknown[]>
}

/** How it makes a command: by a client that keeps it instead of writing it. */
function commandOf(client: Inside, args: string[]): Command {
  let made: Command
  const keeps = { createWritePromise: async (command: Command) => (made = command) }
  // oxlint-disable-next-line typescript/unbound-method -- called with another `this` on purpose
  void Reflect.apply(client.customCommand, keeps, [args])
  return made
}

const argsOf = ({ script, keys, args, text }: Call): string[] => {
  const of = text ? ['EVAL', script.lua] : ['EVALSHA', script.sha1]
  return [...of, `${keys.length}`, ...keys, ...args]
}

/**
 * A client of our own for scripts and WAIT, with the configuration of the user's. What it is given one by
 * one it may write in any order; a batch goes to one connection as it is, or not at all.
 */
export async function connectSecond({ constructor, config }: Inside): Promise<Place> {
  const own = (await constructor.createClient({
    ...config,
    lazyConnect: false,
    pubsubSubscriptions: undefined,
  })) as Batching
  let ended = false
  const close = own.close.bind(own)
  const pipeline: Pipeline = async (calls, replicas, ms) => {
    const all = [...calls.map(argsOf), ['WAIT', `${replicas}`, `${ms}`]]
    const commands = all.map((args) => commandOf(own, args))
    const options = { decoder, timeout: ms + ANSWER_MS }
    const answers = await own.exec(
      { commands, isAtomic: false, setCommandsIndexes: [] },
      false,
      options,
    )
    const count = answers.pop()
    if (count instanceof Error) throw count
    const replies = answers.map((value): PromiseSettledResult<unknown> =>
      value instanceof Error
        ? { status: 'rejected', reason: value }
        : { status: 'fulfilled', value },
    )
    return { replies, replicas: Number(count) }
  }
  const none = (): Promise<unknown> => Promise.reject(new Error('It is not for subscriptions.'))
  return {
    open: (events) => {
      // GLIDE calls it itself when it gives up.
      own.close = () => {
        close()
        events.ended(new Error('The GLIDE client was closed.'))
      }
      return {
        get ready(): boolean {
          return !ended && !own.isClosed
        },
        start: events.ready,
        subscribe: none,
        unsubscribe: none,
        pipeline,
        end: () => {
          ended = true
          setImmediate(close)
        },
      }
    },
  }
}
