import { checkTarget } from '../options.js'
import { withBench, type ConformanceTarget } from './bench.js'
import { forgetful, MUTEX } from './mutex.js'
import { OTHERS } from './others.js'
import { rawPush, rawScript } from './port.js'

/** One case: rejects with an AssertionError when it does not hold. */
export interface ConformanceCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/**
 * The conformance suite: what every server and every client adapter must do, as plain functions for
 * any test runner. They take some seconds of real time together, and may run side by side.
 *
 * ```ts
 * for (const { name, run } of conformance({ open })) test(name, run)
 * ```
 *
 * @throws ERR_INVALID_ARGUMENT for what is no target.
 */
export function conformance(target: ConformanceTarget): ConformanceCase[] {
  checkTarget(target)
  const all: ConformanceCase[] = Object.entries({ ...MUTEX, ...OTHERS }).map(([name, test]) => ({
    name,
    run: () => withBench(target, test),
  }))
  all.push({ name: 'a script is idempotent, and answers strings', run: () => rawScript(target) })
  all.push({ name: 'a message arrives on the channel it was sent to', run: () => rawPush(target) })
  const flush = target.flushScripts
  if (flush) {
    all.push({
      name: 'a server that forgot its scripts is no error',
      run: () => withBench(target, (bench) => forgetful(bench, flush)),
    })
  }
  return all
}
