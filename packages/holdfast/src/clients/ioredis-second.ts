import type { Open } from './common.js'
import { on, ownOptions, type IoredisLike } from './ioredis-subscriber.js'

/** What is under way when it breaks ends with it, and is not sent again. */
const nothingKept = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  lazyConnect: true,
}

/** A connection for scripts and WAIT, on a duplicate of the client. */
export const onSecond =
  (client: IoredisLike): Open =>
  (events) => {
    const own = client.duplicate({ ...ownOptions, ...nothingKept })
    own.on('connect', () => own.stream?.unref())
    return on(own)(events)
  }
