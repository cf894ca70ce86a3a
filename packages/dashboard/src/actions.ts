import { json, Refused } from './answers.js'
import { authorized, bodyOf, Denied, onlyOwnPage } from './guard.js'
import type { Action } from './model.js'
import { invalid, type AuditEntry, type LocksLike, type Settings } from './options.js'
import { warn } from './trouble.js'
import { nameOf } from './views.js'

/** What is asked for, read and checked. */
interface Asked {
  readonly action: Action
  readonly name: string
  readonly reason?: string
  readonly now?: boolean
}

/** Does what the page asks for, or says why not. Each request that named a lock is told to `audit`. */
export async function act(
  locks: LocksLike,
  settings: Settings,
  request: Request,
  action: Action,
  done: (name: string) => void,
): Promise<Response> {
  onlyOwnPage(request)
  if (!settings.actions.includes(action)) {
    throw new Refused(403, 'ERR_FORBIDDEN', `${action} is not switched on here`)
  }
  const asked = await read(request, action)
  const told: AuditEntry = { at: Date.now(), ...asked, result: {} }
  let by: string | undefined
  try {
    by = await authorized(settings, request, { action, name: asked.name })
  } catch (error) {
    const code =
      error instanceof Refused || error instanceof Denied ? 'ERR_FORBIDDEN' : 'ERR_INTERNAL'
    await tell(settings, { ...told, result: { refused: code } })
    throw error
  }
  const entry = by === undefined ? told : { ...told, by }
  let result: object
  try {
    result = await run(locks, asked)
    done(asked.name)
  } catch (error) {
    const { code = 'ERR_INTERNAL' } = error as { code?: string }
    await tell(settings, { ...entry, result: { refused: code } })
    throw error
  }
  await tell(settings, { ...entry, result })
  return json(result)
}

/** That it fails changes nothing of what was done, nor of the answer. */
async function tell({ audit }: Settings, entry: AuditEntry): Promise<void> {
  try {
    await audit(entry)
  } catch (error) {
    warn(error)
  }
}

async function read(request: Request, action: Action): Promise<Asked> {
  const body = await bodyOf(request)
  const name = nameOf('name', body['name'])
  if (action === 'revoke') {
    const { reason } = body
    if (reason === undefined || reason === '') return { action, name }
    if (typeof reason !== 'string' || reason.length > 256) {
      throw invalid('reason', reason, 'a text of at most 256 characters')
    }
    return { action, name, reason }
  }
  const { now, confirm } = body
  if (typeof now !== 'boolean') throw invalid('now', now, 'true or false')
  // Typed by hand: nobody ends another lock than he means to.
  if (confirm !== name) throw invalid('confirm', confirm, 'the name once more')
  return { action, name, now }
}

async function run(locks: LocksLike, { action, name, reason, now }: Asked): Promise<object> {
  if (action === 'revoke') {
    const { asked } = await locks.revoke(name, reason === undefined ? {} : { reason })
    return { asked }
  }
  const { freed, asked, remaining } = await locks.forceRelease(name, { now: now ?? false })
  return { freed, asked, remaining }
}
