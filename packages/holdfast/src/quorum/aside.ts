import type { HoldfastError } from '../base/errors.js'
import type { Said } from './gather.js'
import type { Answer, Node } from './node.js'
import type { Aside } from './nodes.js'
import type { Panel } from './panel.js'

/**
 * A history is no majority's word: each server has what it was told. What is written goes to all of them,
 * and one that has it is enough; what is read comes from the first that answers, in their order, so that the
 * ids of one reading fit the next.
 */
export async function askAside(
  panel: Panel,
  script: Aside,
  keys: readonly string[],
  args: readonly string[],
  timeout: number,
): Promise<Answer> {
  const failed: Said[] = []
  const ask = async (one: Node, node: number): Promise<Answer> => {
    try {
      return await one.aside(script, keys, args, timeout)
    } catch (error) {
      failed.push({ node, answer: null, error: error as HoldfastError })
      throw error
    }
  }
  if (script === 'past') {
    for (const [i, node] of panel.nodes.entries()) {
      const answer = await ask(node, i).catch(() => null)
      if (answer) return answer
    }
    throw panel.failure(failed)
  }
  return Promise.any(panel.nodes.map(ask)).catch(() => {
    throw panel.failure(failed)
  })
}
