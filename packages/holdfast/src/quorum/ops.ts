import { HoldfastError } from '../base/errors.js'

/** The ops that take names, and whether they carry `notAfter` and so need a sample first. */
export const OPS = {
  acquire: true,
  all: true,
  renew: true,
  turn: true,
  resize: true,
  release: false,
  inspect: false,
  force: false,
  announce: false,
  edge: false,
  waits: false,
  q_acquire: true,
  q_renew: true,
  q_turn: true,
  q_release: false,
} as const
export type Op = keyof typeof OPS

/** The key of a node's marker, see _guard.lua. No name can have it: it looks like a side key. */
export const MARKER_KEY = '{hf}:hf:node'

/** What a node must not have forgotten: see _guard.lua. */
export interface Guard {
  readonly epoch: number
  /** ms */
  readonly quarantine: number
}

/** A command's time limit passed. */
export function unanswered(timeout: number): HoldfastError {
  const message = `the server did not answer within ${timeout} ms`
  return new HoldfastError('ERR_UNAVAILABLE', message)
}

/** A guarded call was refused for so long. */
export function quarantined(ms: number): HoldfastError {
  const message = `the server is in quarantine for ${ms} ms more: it has lost its memory, was restarted or replaced, or has a new epoch, and leases that it does not know may live. Only after the first start of all servers, when there can be none, call bootstrap()`
  return new HoldfastError('ERR_UNAVAILABLE', message)
}
