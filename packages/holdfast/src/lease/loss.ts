import { HoldfastError, type LossReason } from '../base/errors.js'

const WHY: Record<LossReason, string> = {
  expired: 'was lost: its lease could not be proved any longer',
  gone: 'was lost: the server says that it is held by nobody or by another',
  forced: 'was lost: somebody forced its release',
  'max-hold': 'was given up: its maxHold has passed',
  closed: 'was given up: this Holdfast was closed',
}

/** The error of a lease that ended before its release. */
export function lossOf(name: string, reason: LossReason): HoldfastError {
  const message = `the lock ${JSON.stringify(name)} ${WHY[reason]}`
  return new HoldfastError('ERR_LOST', message, { lock: name, reason })
}
