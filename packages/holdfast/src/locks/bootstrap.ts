import { HoldfastError } from '../base/errors.js'
import type { Engine } from './engine.js'

const TIMEOUT_MS = 1000

/** Ends the quarantine of all servers, unless one of them grants already. See Holdfast.bootstrap. */
export async function bootstrap(engine: Engine): Promise<boolean> {
  engine.assertOpen()
  // Not guarded: nothing is in quarantine.
  if (engine.longest === Infinity) return false
  const { members } = engine.node
  const told = await askAll(engine, false)
  if (told.includes('votes')) return false
  const ended = await askAll(engine, true)
  return members.length > 0 && ended.includes('ended')
}

async function askAll(engine: Engine, set: boolean): Promise<readonly string[]> {
  const { members } = engine.node
  const answers = await Promise.allSettled(members.map((node) => node.bootstrap(set, TIMEOUT_MS)))
  const nodes = answers.flatMap((answer, i) => {
    if (answer.status === 'fulfilled') return []
    const { message, code } = answer.reason as HoldfastError
    const node = `node ${i + 1} of ${members.length} (${members[i]!.kind})`
    return [{ node, reason: message, code }]
  })
  const [first] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
  if (nodes.length > 0 && members.length === 1) throw first
  if (nodes.length > 0) {
    const reasons = nodes.map(({ node, reason }) => `${node}: ${reason}`).join('; ')
    const message = `bootstrap needs all ${members.length} servers, and ${nodes.length} could not be used. ${reasons}`
    throw new HoldfastError('ERR_NO_QUORUM', message, { nodes })
  }
  return answers.map((answer) => (answer as PromiseFulfilledResult<string>).value)
}
