import { toNodeListener } from '@holdfast/dashboard'
import compression from 'compression'
import express from 'express'
import { dashboard } from './dashboard.mjs'

const app = express()
// As many have: it must not keep a live page back.
app.use(compression())
app.use('/locks', toNodeListener(dashboard))
app.listen(process.env.PORT, '127.0.0.1')
