import { startClock, watch } from './lib/live.js'
import { queryOf } from './lib/query.js'
import { route, startRouting } from './lib/route.js'

startRouting()
// The answer takes longest: it is asked for before the page is there to draw it.
watch(queryOf(route.value))
startClock()
// What index.html shows is painted first. In a tab that nobody sees yet there is no frame, and the rest comes later.
requestAnimationFrame(() => setTimeout(() => void import('./app.js').then(({ start }) => start())))
