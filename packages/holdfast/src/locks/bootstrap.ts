import { HoldfastError } from '../base/errors.js'
import { reasonsOf, troublesOf } from '../quorum/panel.js'
import type { Engine } from './engine.js'

const TIMEOUT_MS = 1000

/** Ends the quarantine of all servers, unless one of them grants already. See Holdfast.bootstrap. */
export async function bootstrap(engine: Engine): Promise<boolean> {
  engine.assertOpen()
  // Not guarded: nothing is in quarantine.
  if (engine.longest === Infinity) return false
  const told = await askAll(engine, false)
  if (told.includes('votes')) return false
  return (await askAll(engine, true)).includes('ended')
}

async function askAll(engine: Engine, set: boolean): Promise<readonly string[]> {
  const { members } = engine.node
  const answers = await Promise.allSettled(members.map((node) => node.bootstrap(set, TIMEOUT_MS)))
  const failed = answers.flatMap((answer, node) => {
    if (answer.status === 'fulfilled') return []
    return [{ node, answer: null, error: answer.reason as HoldfastError }]
  })
  if (failed.length > 0 && members.length === 1) throw failed[0]!.error
  if (failed.length > 0) {
    const nodes = troublesOf(members, failed)
    const message = `bootstrap needs all ${members.length} servers, and ${nodes.length} could not be used. ${reasonsOf(nodes)}`
    throw new HoldfastError('ERR_NO_QUORUM', message, { nodes })
  }
  return answers.map((answer) => (answer as PromiseFulfilledResult<string>).value)
}
