// A process that uses a fenced file as fast as it can: see file.test.ts.
import { fencedFile } from 'holdfast/fencing'

const [path, what, first, step, times] = process.argv.slice(2)
const file = fencedFile(path)
let fence = Number(first)

/** Under every token: read, add one, write. Says how often that was not refused. */
async function add() {
  let done = 0
  for (let i = 0; i < Number(times); i++, fence += Number(step)) {
    try {
      const n = Number((await file.read(fence)) ?? 0)
      await file.write(String(n + 1), fence)
      done++
    } catch (error) {
      if (error.code !== 'ERR_FENCED') throw error
      // The token after those that were here.
      while (fence + Number(step) <= error.stands) fence += Number(step)
    }
  }
  process.stdout.write(String(done))
}

/** Writes again and again under a token, until that is refused. */
async function write(token) {
  try {
    for (let i = 0; ; i++) {
      await file.write(`zombie ${String(token)}`, token)
      if (i === 3) process.send('writing')
    }
  } catch (error) {
    process.send(error.code)
  }
}

if (what === 'add') {
  await add()
} else {
  process.on('message', (token) => void write(token))
  // Nobody is left to ask.
  process.on('disconnect', () => process.exit())
}
