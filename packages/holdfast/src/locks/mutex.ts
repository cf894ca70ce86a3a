import { invalid } from '../base/errors.js'
import type { LockType } from '../base/events.js'
import type { Engine } from './engine.js'
import { checkLock, HANDOVER, type MutexOptions } from './options.js'
import { Taker } from './taker.js'

/** A lock that one holder at a time has, across processes and machines. */
export class Mutex extends Taker {
  /** For this library only. */
  constructor(engine: Engine, name: string, options: MutexOptions, type: LockType = 'mutex') {
    super(engine, name, 'x', options, type)
  }
}

/** Checks the options of a mutex, at the call that makes it. @throws ERR_INVALID_ARGUMENT */
export function checkMutex(options: MutexOptions): void {
  checkLock(options, ['reentrant', 'history', ...HANDOVER])
  const { reentrant = false } = options
  if (typeof reentrant !== 'boolean') throw invalid('options.reentrant', reentrant, 'true or false')
}
