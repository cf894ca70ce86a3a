import { startClock, watch } from './lib/live.js'
import { queryOf } from './lib/query.js'
import { route, startRouting } from './lib/route.js'

startRouting()
// The answer takes longest: it is asked for before the page is there to draw it.
watch(queryOf(route.value))
startClock()
// What index.html shows is painted first. In a tab that nobody sees yet there is no frame, and the rest comes later.
requestAnimationFrame(() =>
  setTimeout(() => void import('./app.js').then(({ start }) => start(), lacks)),
)

/** Such as of a dashboard that ended, or was replaced, between its first file and this one. */
function lacks(): void {
  const said = document.querySelector('.loading')
  if (said) said.textContent = 'A part of this page could not be loaded. Load it again.'
}
