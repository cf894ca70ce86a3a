// What cannot be right is refused at the call, and says what would be.
import { expect, test } from 'vitest'
import { Holdfast } from '../../src/index.js'
import { memoryPort } from '../../src/kernel/memory/port.js'
import { MemoryServer } from '../../src/kernel/memory/server.js'

const port = () => memoryPort(new MemoryServer())
const three = () => [port(), port(), port()]

test.each([
  ['a quarantine of a single server', [port()], { quarantine: 1000 }, /none of a single server/],
  ['an epoch of a single server', [port()], { epoch: 1 }, /none of a single server/],
  ['strictFailover of several', three(), { strictFailover: true }, /none of several servers/],
  ['strictFailover that is none', [port()], { strictFailover: 1 as never }, /true or false/],
  ['an epoch below 0', three(), { epoch: -1 }, /a whole number from 0 on/],
  ['a quarantine that is no duration', three(), { quarantine: 'long' as never }, /duration/],
])('%s', (_what, ports, options, message) => {
  const make = (): Holdfast => new Holdfast(ports, options)
  expect(make).toThrow(message)
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
})

test('an array of one is one server', async () => {
  const locks = new Holdfast([port()])
  const lock = await locks.mutex('a').acquire()
  expect(await lock.release()).toEqual({ released: true })
})

test('a semaphore of several servers has at most 1000 permits', () => {
  const locks = new Holdfast(three())
  const make = (): unknown => locks.semaphore('a', { limit: 1001 })
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  expect(make).toThrow(/at most 1000 on several servers/)
})
