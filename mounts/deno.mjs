import { dashboard } from './dashboard.mjs'

// On the address of DENO_SERVE_ADDRESS.
Deno.serve((request) => dashboard.fetch(request))
