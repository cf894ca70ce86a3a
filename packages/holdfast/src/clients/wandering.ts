import { PATIENCE_MS, type Emitter, type Open, type Subscriber } from './common.js'
import { listen } from './listeners.js'

/** A node that may be subscribed on, and the client's own connection to it, if that tells its end. */
export interface Place {
  readonly open: Open
  readonly source?: Emitter
}

// Doubled after each failure: somebody may be starting the servers again, or never.
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000

/**
 * A subscriber that goes to another place when its own fails: for clients of several nodes, which
 * change the node that they subscribe on without a word. Every arrival is told as `ready`.
 *
 * It costs one connection. It also moves when the client gives up its connection to that node, for
 * instance because the node has left the cluster: such a node hears no messages any more. And when a
 * place is not reached in time: a server that is frozen accepts connections all the same.
 *
 * @param pick finds a place; it may wait for one.
 * @param over whether the client was ended, so that there will never be a place.
 */
export const wandering =
  (pick: () => Promise<Place>, over: () => boolean): Open =>
  (events) => {
    let own: Subscriber | undefined
    let running = false
    let pause = FIRST_PAUSE_MS
    let timer: NodeJS.Timeout | undefined
    let leave = (): void => {}
    // What an earlier place still has to say is not heard.
    let round = 0

    const drop = (): void => {
      round += 1
      clearTimeout(timer)
      leave()
      leave = (): void => {}
      own?.end()
      own = undefined
    }

    const failed = (mine: number, error: unknown): void => {
      if (mine !== round) return
      drop()
      if (over()) {
        running = false
        events.ended(error)
        return
      }
      timer = setTimeout(() => void move(), pause)
      timer.unref()
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      events.error(error)
    }

    const move = async (): Promise<void> => {
      const mine = ++round
      const fail = (error: unknown): void => failed(mine, error)
      timer = setTimeout(fail, PATIENCE_MS, new Error(`No node was reached in ${PATIENCE_MS} ms.`))
      timer.unref()
      let place: Place
      let opened: Subscriber
      try {
        place = await pick()
        opened = place.open({
          message: events.message,
          ready: () => {
            if (mine !== round) return
            clearTimeout(timer)
            pause = FIRST_PAUSE_MS
            events.ready()
          },
          error: fail,
          ended: fail,
        })
      } catch (error) {
        fail(error)
        return
      }
      if (mine !== round) {
        opened.end()
        return
      }
      own = opened
      const left = (): void => fail(new Error('The client has left this node.'))
      if (place.source) leave = listen(place.source, 'end', left)
      opened.start()
    }

    return {
      get ready(): boolean {
        return own?.ready === true
      },
      start: () => {
        if (running) return
        running = true
        void move()
      },
      subscribe: async (channel) => {
        // It must not look like a confirmation.
        if (!own) throw new Error('There is no connection.')
        await own.subscribe(channel)
      },
      unsubscribe: async (channel) => own?.unsubscribe(channel),
      probe: async (channel) => own?.probe?.(channel),
      pipeline: async (...asked) => {
        if (!own?.pipeline) throw new Error('There is no connection.')
        return own.pipeline(...asked)
      },
      reset: () => failed(round, new Error('The node does not answer.')),
      end: () => {
        running = false
        drop()
      },
    }
  }
