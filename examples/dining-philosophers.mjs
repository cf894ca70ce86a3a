// Five philosophers sit around a table, with a fork between each two. To eat, one needs both forks
// beside his plate. If each takes his left fork and waits for the right one, all starve.
//
// What it shows: `locks.all` takes both forks or none. It waits for a fork with empty hands, or with the
// one that comes before it in an order that is the same for all, and then not for long: so no circle
// can form, and waiting stays first come, first served.
//
// What it checks, by counts and fencing tokens in the server: no fork is in two hands, every
// philosopher eats all his meals, and while he is hungry a neighbour eats a few times at most.
//
//   node examples/dining-philosophers.mjs      (npm run examples plays all)
import { setTimeout as sleep } from 'node:timers/promises'
import { play } from './lib/stage.mjs'

const SEATS = 5
const MEALS = 20
/** Whoever waits for us may have to wait for a neighbour, and he for his: meanwhile others eat. */
const PATIENCE = MEALS / 2

const left = (seat) => `fork:${seat}`
const right = (seat) => `fork:${(seat + 1) % SEATS}`

await play(SEATS, async ({ clients, witness }) => {
  const eaten = Array(SEATS).fill(0)
  let waitedLongest = 0

  async function philosopher(seat) {
    const locks = clients[seat]
    const [mine, next] = [left(seat), right(seat)]
    const hold = (fork, fence, work) =>
      witness.visit(
        fork,
        'hands',
        1,
        ({ hands }) => hands === 1,
        async () => {
          await witness.claim(fork, fence)
          return work()
        },
      )

    for (let meal = 0; meal < MEALS; meal++) {
      await sleep(Math.random() * 3) // thinks
      const before = [...eaten]
      await locks.all([mine, next]).use(async ({ fences }) => {
        const eat = () => sleep(1 + Math.random() * 3)
        await hold(mine, fences.get(mine), () => hold(next, fences.get(next), eat))
        eaten[seat]++
      })
      for (const neighbour of [(seat + 1) % SEATS, (seat + SEATS - 1) % SEATS]) {
        waitedLongest = Math.max(waitedLongest, eaten[neighbour] - before[neighbour])
      }
    }
  }

  await Promise.all(clients.map((_, seat) => philosopher(seat)))
  for (const [seat, meals] of eaten.entries()) {
    witness.expect(meals === MEALS, `philosopher ${seat} ate ${meals} times`)
  }
  witness.expect(waitedLongest <= PATIENCE, `a neighbour ate ${waitedLongest} times meanwhile`)
  return (
    `${SEATS} philosophers ate ${MEALS} times each, no fork was in two hands, ` +
    `and while one was hungry no neighbour ate more than ${waitedLongest} times`
  )
})
