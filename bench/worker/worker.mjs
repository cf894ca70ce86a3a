// A process that does what it is told, one action at a time, to the subject that it has opened.
import { actions } from './actions.mjs'

// Some libraries throw in timers of theirs, where nobody can catch it; the run goes on.
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})

process.on('message', (told) => void answer(told))

async function answer({ action, args }) {
  let said
  try {
    said = { result: await actions[action](args) }
  } catch (error) {
    said = {
      error: String(error?.stack ?? error)
        .split('\n')
        .slice(0, 4)
        .join(' | '),
    }
  }
  process.send(said)
}
process.on('disconnect', () => process.exit(0))
