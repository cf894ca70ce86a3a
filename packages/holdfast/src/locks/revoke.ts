import { HoldfastError, invalid } from '../base/errors.js'
import { decodeInfo, encodeRevoker } from '../kernel/protocol.js'
import { classify } from '../quorum/replies.js'
import type { Engine } from './engine.js'
import { inspect } from './inspect.js'
import { known } from './options.js'

const TIMEOUT_MS = 500
/** As many shared holders are newly asked by one call of the script. */
const STEP = 64

/** What `revoke` did. */
export interface RevokeResult {
  /** How many holders have been asked to let go. Holders of another library cannot be asked. */
  readonly asked: number
}

/** Checks the options of revoke: its reason. @throws ERR_INVALID_ARGUMENT */
function checkRevoke(options: { reason?: string | undefined }): string | undefined {
  known('options', options, ['reason'])
  const { reason } = options
  if (reason === undefined || (typeof reason === 'string' && reason.length <= 256)) return reason
  throw invalid('options.reason', reason, 'a string of at most 256 characters')
}

export async function revoke(
  engine: Engine,
  name: string,
  options: { reason?: string | undefined },
): Promise<RevokeResult> {
  const reason = checkRevoke(options)
  const by = encodeRevoker({
    ...decodeInfo(engine.settings({}).info),
    ...(reason === undefined ? {} : { reason }),
  })
  // Only those whom we see now: a copy of this request that comes late spares whoever came later.
  const { holderCount, fence } = await inspect(engine, name)
  if (holderCount === 0) return { asked: 0 }
  const key = engine.prefix + name
  const fields = ['2', String(fence), by]
  for (let rounds = Math.ceil(holderCount / STEP); ; rounds--) {
    const answer = await engine.node.ask('force', key, TIMEOUT_MS, () => fields)
    const [status = '', count = '0', , fresh = '0'] = answer.verdict
    switch (status) {
      case 'asked':
        if (Number(fresh) === STEP && rounds > 0) continue
        return { asked: Number(count) }
      case 'newer':
      case 'none':
      case 'foreign':
        return { asked: 0 }
      default:
        throw status === 'error'
          ? classify(new Error(count), 'the server', name)
          : new HoldfastError('ERR_UNAVAILABLE', `the server answered ${status}`)
    }
  }
}
