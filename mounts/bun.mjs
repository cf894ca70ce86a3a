import { dashboard } from './dashboard.mjs'

const answer = (request) => dashboard.fetch(request)
// On the port of PORT.
Bun.serve({ routes: { '/locks': answer, '/locks/*': answer }, idleTimeout: 60 })
