// A catalogue that many read and few change. A change takes two writes, and whoever reads between
// them sees a catalogue that never was.
//
// What it shows: readers share the lock, a writer has it alone, and both stand in one line. So a
// writer is not kept out by readers that come and come, nor the readers by writers.
//
// What it checks, by counts and values in the server: no writer is inside with anybody, no reader
// sees half of a change, readers do read beside each other, and although neither side ever pauses,
// every writer finishes and every reader gets its share.
//
//   node examples/readers-and-writers.mjs      (npm run examples plays all)
import { setTimeout as sleep } from 'node:timers/promises'
import { play } from './lib/stage.mjs'

const READERS = 6
const WRITERS = 2
const WRITES = 15
/** Each reader has its turn about once in two writes; a busy machine may cost it some. */
const LEAST_READS = (WRITERS * WRITES) / 6

const alone = ({ readers = 0, writers = 0 }) => writers === 1 && readers === 0
const undisturbed = ({ writers = 0 }) => writers === 0

await play(READERS + WRITERS, async ({ clients, witness }) => {
  let writing = WRITERS
  const reads = Array(READERS).fill(0)

  async function writer(locks) {
    const catalogue = locks.readWrite('catalogue').write()
    for (let i = 0; i < WRITES; i++) {
      await catalogue.use(({ fence }) =>
        witness.visit('catalogue', 'writers', 1, alone, async () => {
          await witness.claim('catalogue', fence)
          await witness.add('apples', 1)
          await sleep(1)
          await witness.add('prices', 1)
        }),
      )
    }
    writing--
  }

  async function reader(locks, me) {
    const catalogue = locks.readWrite('catalogue').read()
    while (writing > 0) {
      await catalogue.use(() =>
        witness.visit('catalogue', 'readers', 1, undisturbed, async () => {
          const apples = await witness.add('apples', 0)
          await sleep(1)
          const prices = await witness.add('prices', 0)
          witness.expect(apples === prices, `${apples} apples and ${prices} prices: half a change`)
        }),
      )
      reads[me]++
    }
  }

  await Promise.all(clients.map((locks, i) => (i < READERS ? reader(locks, i) : writer(locks))))
  const written = await witness.add('apples', 0)
  witness.expect(written === WRITERS * WRITES, `${written} changes are left of those made`)
  witness.expect(witness.most.readers > 1, 'no two readers were inside together')
  for (const [me, n] of reads.entries()) {
    witness.expect(n >= LEAST_READS, `reader ${me} read only ${n} times`)
  }
  return (
    `${written} writes, each alone; ${reads.reduce((a, b) => a + b)} reads, ` +
    `up to ${witness.most.readers} side by side, none of them of half a change`
  )
})
