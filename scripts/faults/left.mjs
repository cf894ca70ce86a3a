import { OUTCOMES } from './cycles.mjs'
import { settled } from './left-over.mjs'

const HEAP_MB = 4
// The line of a name whose waiters were all killed lives for ten seconds more than their leases.
const KEYS_MS = 30_000

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0)
const mean = (numbers) => sum(numbers) / numbers.length

/**
 * What the processes and the servers are left with at the end, and what no cycle should have said. Those
 * who were killed have nothing to say.
 *
 * @param {object} run
 * @param {(string | null)[] | null} run.codes of the processes that ended; null if one did not
 * @returns {Promise<{ client: string, what: string }[]>}
 */
export async function leftBehind({ servers, workers, codes }) {
  const found = []
  const left = (client, what) => void found.push({ client, what })
  if (codes === null) left('', 'a process that does not end')
  for (const { who, exit, end, heaps } of workers.living) {
    if (codes && (await exit)[0] !== 0) left(who, `the exit code ${(await exit).join(' ')}`)
    if (end === null) {
      left(who, 'nothing to say')
      continue
    }
    for (const what of Object.keys(end.tally.counts)) {
      if (!OUTCOMES.includes(what)) left(who, what)
    }
    // Clients that find the servers themselves have more connections or fewer as these come and go; what
    // stays open keeps the process from its end all the same.
    const counted = servers.roaming ? [] : ['timers', 'sockets']
    for (const what of [...counted, 'clients', 'signals']) {
      const [was, is] = [[end.bare[what]].flat(), [end.closed[what]].flat()]
      // A process that began while its server was away had more of them then.
      if (is.some((one, i) => one > was[i]))
        left(who, `${is.join()} ${what}, and ${was.join()} at the beginning`)
    }
    // The first readings are of a process that is warming up; and each catches calls under way.
    const third = Math.floor(heaps.length / 3)
    if (third >= 10) {
      const grown = (mean(heaps.slice(-third)) - mean(heaps.slice(third, 2 * third))) / 1e6
      if (grown > HEAP_MB) left(who, `${grown.toFixed(1)} MB more on the heap`)
    }
  }
  if (!(await settled(async () => (await servers.keys()).length === 0, KEYS_MS))) {
    left('', `keys: ${(await servers.keys()).join(' ')}`)
  }
  return found
}
