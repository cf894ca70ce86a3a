import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { dashboard } from './dashboard.mjs'

const app = new Hono()
app.all('/locks/*', (c) => dashboard.fetch(c.req.raw))
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' })
