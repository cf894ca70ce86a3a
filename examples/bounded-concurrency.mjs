// Somebody else's API allows five requests at one time, for all our machines together. Most jobs
// make one request; a bulk job makes three at once.
//
// What it shows: a semaphore keeps the limit across processes, a job takes as many permits as it
// makes requests (all or none), and the line is fair, so that the bulk jobs are not passed over for
// ever by the small ones that always fit.
//
// What it checks, by a count in the server: never more than five requests are under way, the five
// are made use of, every job is done exactly once, and small jobs that came after a bulk job of
// their machine were let in after it.
//
//   node examples/bounded-concurrency.mjs      (npm run examples plays all)
import { setTimeout as sleep } from 'node:timers/promises'
import { play } from './lib/stage.mjs'

const LIMIT = 5
const MACHINES = 4
const JOBS = 30
/** This one of each machine's jobs is a bulk job. */
const BULK = 10

await play(MACHINES, async ({ clients, witness }) => {
  /** By machine and job: the fencing tokens, which say in what order the server let them in. */
  const tokens = clients.map(() => [])

  const callApi = (requests) =>
    witness.visit(
      'api',
      'requests',
      requests,
      (inside) => inside.requests <= LIMIT,
      () => sleep(2 + Math.random() * 4),
    )

  async function machine(locks, me) {
    const permits = locks.semaphore('api', { limit: LIMIT, wait: '20s' })
    const job = (i) => {
      const requests = i === BULK ? 3 : 1
      return permits.use(
        async ({ fence }) => {
          tokens[me][i] = fence
          await callApi(requests)
          await witness.add('done', 1)
        },
        { permits: requests },
      )
    }
    await Promise.all(Array.from({ length: JOBS }, (_, i) => job(i)))
  }

  await Promise.all(clients.map(machine))
  const done = await witness.add('done', 0)
  witness.expect(done === MACHINES * JOBS, `${done} of ${MACHINES * JOBS} jobs are done`)
  const most = witness.most.requests
  witness.expect(most === LIMIT, `${most} requests were under way at most, and ${LIMIT} may be`)
  for (const [me, all] of tokens.entries()) {
    const passed = all.filter((token, i) => i > BULK && token < all[BULK]).length
    witness.expect(passed === 0, `machine ${me}: ${passed} later jobs passed the bulk job`)
  }
  return `${done} jobs, ${MACHINES} of them of three requests, and never more than ${most} requests at one time`
})
