import 'reflect-metadata'
import { toNodeListener } from '@holdfast/dashboard'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { dashboard } from './dashboard.mjs'

// What decorators of TypeScript do: an application with a route of its own.
class Root {
  root() {
    return 'of Nest'
  }
}
Get()(Root.prototype, 'root', Object.getOwnPropertyDescriptor(Root.prototype, 'root'))
Controller()(Root)
class AppModule {}
Module({ controllers: [Root] })(AppModule)

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
app.use('/locks', toNodeListener(dashboard))
await app.listen(process.env.PORT, '127.0.0.1')
