import { describe, test } from 'vitest'
import { engines } from '../real/kit.js'
import { cellsOf, playCell, type Fault } from './cells.js'
import { Stage } from './stage.js'

const heal = (stage: Stage): unknown => stage.proxy.heal()

/** Nothing gets through, or nothing comes back, in time. */
const away = {
  short: 'kept',
  verifying: 'ERR_UNAVAILABLE',
  long: 'expired',
  waiting: 'served after',
  acquiring: 'ERR_UNAVAILABLE',
  releasing: 'unavailable',
} as const
/** A break that the client mends by itself. */
const mended = {
  short: 'kept',
  verifying: 'renewed',
  waiting: 'served during',
  acquiring: 'granted',
  releasing: 'released',
} as const
/** It takes longer, and that is all. */
const slower = { ...mended, long: 'kept' } as const

const network: readonly Fault[] = [
  {
    row: 3,
    name: 'requests vanish',
    begin: ({ proxy }) => proxy.drop('request'),
    end: heal,
    ...away,
  },
  { row: 3, name: 'replies vanish', begin: ({ proxy }) => proxy.drop('reply'), end: heal, ...away },
  { row: 3, name: 'everything vanishes', begin: ({ proxy }) => proxy.drop(), end: heal, ...away },
  { row: 3, name: 'nothing moves', begin: ({ proxy }) => proxy.freeze(), end: heal, ...away },
  {
    row: 3,
    name: 'connections are refused',
    begin: async ({ proxy }) => {
      await proxy.refuse()
      proxy.cut()
    },
    end: heal,
    ...away,
  },
  {
    row: 3,
    name: 'connections take a minute',
    begin: ({ proxy }) => {
      proxy.delayConnections(60_000)
      proxy.cut()
    },
    end: heal,
    ...away,
  },
  {
    row: 3,
    name: 'half-open: the server lost us',
    begin: ({ proxy }) => proxy.vanish('server'),
    end: heal,
    ...away,
  },
  {
    row: 4,
    name: 'requests two seconds late',
    begin: ({ proxy }) => proxy.delay(2000, 'request'),
    end: heal,
    ...away,
  },
  {
    row: 4,
    name: 'replies two seconds late',
    begin: ({ proxy }) => proxy.delay(2000, 'reply'),
    end: heal,
    ...away,
  },
  { row: 4, name: '10 ms each way', begin: ({ proxy }) => proxy.delay(10), end: heal, ...slower },
  { row: 5, name: 'a byte each 50 ms', begin: ({ proxy }) => proxy.split(50), end: heal, ...away },
  {
    row: 5,
    name: 'replies in single bytes',
    begin: ({ proxy }) => proxy.split(0, 'reply'),
    end: heal,
    ...slower,
  },
  {
    row: 5,
    name: 'requests half-closed',
    begin: ({ proxy }) => proxy.halfClose('request'),
    end: heal,
    ...mended,
  },
  {
    row: 5,
    name: 'replies half-closed',
    begin: ({ proxy }) => proxy.halfClose('reply'),
    end: heal,
    ...mended,
    // Carried out, and its reply lost; the client sends it again, and the server knows it no more.
    releasing: 'lost',
  },
  { row: 2, name: 'connections reset', begin: ({ proxy }) => proxy.cut(), end: heal, ...mended },
  {
    row: 2,
    name: 'half-open: we lost the server',
    begin: ({ proxy }) => proxy.vanish('client'),
    end: heal,
    ...mended,
  },
]

describe.each(engines)('network faults, on %s', (engine) => {
  test
    .skipIf(engine === 'any')
    .concurrent.for(cellsOf(network).map((cell) => [cell.name, cell] as const))(
    '%s',
    ([, { fault, state }]) =>
      Stage.play(engine, fault.args ?? [], (stage) => playCell(stage, fault, state)),
  )
})
