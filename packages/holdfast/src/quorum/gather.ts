import type { HoldfastError } from '../base/errors.js'
import type { Answer } from './node.js'

/** What one node of several said, or why it said nothing. */
export interface Said {
  /** Which of them. */
  readonly node: number
  readonly answer: Answer | null
  readonly error: HoldfastError | null
}

/**
 * Waits for as many answers as a verdict needs, and no longer.
 *
 * @param judge is shown all that was said so far after each answer, and how many are missing. It must
 * have a verdict when none is.
 * @param late is told what comes after the verdict.
 */
export function gather<T>(
  asked: readonly Promise<Answer>[],
  judge: (said: readonly Said[], missing: number) => T | undefined,
  late: (said: Said) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const said: Said[] = []
    let over = false
    const take = (one: Said): void => {
      if (over) return late(one)
      said.push(one)
      try {
        const verdict = judge(said, asked.length - said.length)
        if (verdict === undefined) return
        over = true
        resolve(verdict)
      } catch (error) {
        over = true
        reject(error)
      }
    }
    asked.forEach((answer, node) => {
      answer.then(
        (given) => take({ node, answer: given, error: null }),
        (error: HoldfastError) => take({ node, answer: null, error }),
      )
    })
  })
}

/** The answers with one of these verdicts. */
export function withVerdict(said: readonly Said[], ...verdicts: readonly string[]): Answer[] {
  return said.flatMap(({ answer }) =>
    answer && verdicts.includes(answer.verdict[0]!) ? [answer] : [],
  )
}
