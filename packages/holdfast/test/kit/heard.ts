import { subscribe, unsubscribe } from 'node:diagnostics_channel'

/** Does this once, in the middle of the event, when it comes. @returns ends it before. */
export function on(event: string, work: () => void): () => void {
  const heard = (): void => {
    end()
    work()
  }
  const end = (): void => void unsubscribe(`holdfast:${event}`, heard)
  subscribe(`holdfast:${event}`, heard)
  return end
}
