import { toNodeListener } from '@holdfast/dashboard'
import { fastify } from 'fastify'
import { dashboard } from './dashboard.mjs'

const app = fastify()
const listener = toNodeListener(dashboard)
await app.register(async (scope) => {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _body, done) => done(null))
  for (const url of ['/locks', '/locks/*']) {
    scope.all(url, (request, reply) => {
      reply.hijack()
      listener(request.raw, reply.raw)
    })
  }
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
