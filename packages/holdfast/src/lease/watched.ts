/**
 * A controller whose signal tells the truth after a blocked event loop, which runs timers late: whoever
 * reads the flag makes `check` read the clock first, which aborts if it is to.
 */
export function watched(check: () => void): AbortController {
  const controller = new AbortController()
  const { signal } = controller
  const get = (): boolean => {
    check()
    return Reflect.get(AbortSignal.prototype, 'aborted', signal)
  }
  Object.defineProperty(signal, 'aborted', { get, configurable: true })
  const throwIfAborted = (): void => {
    if (get()) throw signal.reason
  }
  Object.defineProperty(signal, 'throwIfAborted', { value: throwIfAborted, configurable: true })
  return controller
}
