import type { HoldfastError } from '../base/errors.js'
import { checkName } from '../kernel/names.js'
import type { Callback, GrantedLock, LockManagerMode, LockRequestOptions } from './lock-manager.js'

/** Of every runtime that Holdfast runs on; the types of Node leave it out. */
declare const DOMException: new (message: string, name: string) => Error

/** The arguments of a request. */
export interface Asked<T = unknown> {
  readonly name: string
  readonly mode: LockManagerMode
  readonly ifAvailable: boolean
  readonly steal: boolean
  readonly signal: AbortSignal | undefined
  readonly callback: Callback<GrantedLock | null, T>
}

const OPTIONS = ['mode', 'ifAvailable', 'steal', 'signal']

/** Reads the arguments, and refuses them as the specification does, in its order. */
export function read<T>(given: readonly unknown[], prefix: string): Asked<T> {
  const [name, second, third] = given
  if (given.length < 2) throw new TypeError('request needs a name and a callback')
  const [options, callback] = given.length === 2 ? [{}, second] : [second ?? {}, third]
  if (typeof name !== 'string') throw new TypeError('the name is not a string')
  if (typeof callback !== 'function') throw new TypeError('the callback is not a function')
  if (typeof options !== 'object') throw new TypeError('the options are not an object')
  for (const key of Object.keys(options)) {
    if (!OPTIONS.includes(key)) {
      throw new TypeError(`there is no option ${JSON.stringify(key)}, but ${OPTIONS.join(', ')}`)
    }
  }
  const { mode = 'exclusive', ifAvailable, steal, signal } = options as LockRequestOptions
  if (mode !== 'exclusive' && mode !== 'shared') {
    throw new TypeError(`the mode is ${String(mode)}, and not "exclusive" or "shared"`)
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new TypeError('the signal is not an AbortSignal')
  }
  if (name.startsWith('-')) throw unsupported('a name may not begin with "-"')
  if (steal && ifAvailable) throw unsupported('steal and ifAvailable exclude each other')
  if (steal && mode === 'shared') throw unsupported('only an exclusive lock can be stolen')
  if (signal && (steal || ifAvailable)) {
    throw unsupported('a signal ends a wait, and there is none with steal or ifAvailable')
  }
  try {
    checkName(name, prefix)
  } catch (cause) {
    throw unsupported((cause as HoldfastError).message, cause)
  }
  const once = { ifAvailable: !!ifAvailable, steal: !!steal }
  return { name, mode, ...once, signal, callback: callback as Asked<T>['callback'] }
}

export function exception(name: string, message: string, cause: unknown): Error {
  // Not every runtime takes it as an argument.
  return Object.defineProperty(new DOMException(message, name), 'cause', { value: cause })
}

function unsupported(message: string, cause?: unknown): Error {
  return exception('NotSupportedError', message, cause)
}
