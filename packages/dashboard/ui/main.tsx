import { render } from 'preact'
import { App } from './app.js'
import { startKeys } from './lib/keys.js'
import { startClock } from './lib/live.js'
import { startRouting } from './lib/route.js'

startRouting()
startClock()
startKeys()
const root = document.getElementById('app')
if (root) {
  root.replaceChildren()
  render(<App />, root)
}
