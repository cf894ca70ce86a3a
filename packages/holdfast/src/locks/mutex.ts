import type { Engine } from './engine.js'
import type { LockOptions } from './options.js'
import { Taker } from './taker.js'

/** A lock that one holder at a time has, across processes and machines. */
export class Mutex extends Taker {
  /** @internal */
  constructor(engine: Engine, name: string, options: LockOptions) {
    super(engine, name, 'x', options)
  }
}
