import { useState } from 'preact/hooks'
import type {
  Action,
  ForceAnswer,
  ForceRequest,
  LockPage,
  RevokeAnswer,
  RevokeRequest,
} from '../../src/model.js'
import { plural, span, whoText } from '../lib/format.js'
import { refusalOf } from '../lib/live.js'
import { Dialog } from './dialog.js'
import { Text } from './text.js'

async function post<A>(path: string, body: object): Promise<A> {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const refusal = await refusalOf(answer)
  if (refusal) throw new Error(`${refusal.message} ${refusal.advice}`.trimEnd())
  if (!answer.ok) throw new Error(`The answer was ${answer.status}: ask again later.`)
  return (await answer.json()) as A
}

const revoke = async (body: RevokeRequest): Promise<string> => {
  const { asked } = await post<RevokeAnswer>('api/revoke', body)
  return asked === 0
    ? 'Nobody who can be asked holds it now.'
    : `Asked ${plural(asked, 'holder')}. The lock is free when they release it.`
}

const force = async (body: ForceRequest): Promise<string> => {
  const { freed, asked, remaining } = await post<ForceAnswer>('api/force', body)
  if (freed) return asked === 0 ? 'Nobody holds it.' : 'It is free now.'
  if (asked === 0) return 'Its holder is of another library, and can only be ended at once.'
  const until = remaining === null ? '' : `, at the latest in ${span(remaining)}`
  return `Told ${plural(asked, 'holder')} to stop. It is free when that is done${until}.`
}

/** Says what may happen to the holder, asks once more, does it, and says what came of it. */
export function ActionDialog({
  action,
  page,
  onClose,
}: {
  action: Action
  page: LockPage
  onClose: () => void
}) {
  const { name, holders } = page.row
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const [now, setNow] = useState(false)
  const [busy, setBusy] = useState(false)
  const [result, setResult] = useState<{ ok: boolean; text: string } | null>(null)
  const whom = holders === 1 ? whoText(page.row.holder) : plural(holders, 'holder')
  const ready = action === 'revoke' || typed === name

  async function act(): Promise<void> {
    setBusy(true)
    try {
      const text =
        action === 'revoke'
          ? await revoke(reason === '' ? { name } : { name, reason })
          : await force({ name, now, confirm: typed })
      setResult({ ok: true, text })
    } catch (error) {
      setResult({ ok: false, text: error instanceof Error ? error.message : String(error) })
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog
      title={action === 'revoke' ? 'Ask the holder to let go' : 'Force the release'}
      onClose={onClose}
    >
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          if (ready && !busy && !result?.ok) void act()
        }}
      >
        <p class="subject">
          <Text text={name} most={90} />
          <span class="faint">
            held by <Text text={whom} most={80} />
          </span>
        </p>
        {action === 'revoke' ? (
          <>
            <p>
              The holder is told, and decides: its code hears <code>lock.revoked</code>, and holds
              on until it releases. Code that does not listen goes on as before. Nobody else gets in
              meanwhile.
            </p>
            <label class="field">
              <span>Reason, told to the holder (may be empty)</span>
              <input
                value={reason}
                maxLength={256}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            </label>
          </>
        ) : (
          <>
            <p>
              The holder’s <code>signal</code> aborts: what it does under the lock is cut off, and
              may stay half done. The lock is free when the holder has let go, at the latest when
              its lease ends.
            </p>
            <label class="check">
              <input
                type="checkbox"
                checked={now}
                onChange={(event) => setNow(event.currentTarget.checked)}
              />
              <span>
                <b>Free it at once.</b> The next in line gets in although the holder may still
                believe in it and write: two at a time. Only a resource that checks fencing tokens
                is safe from that.
              </span>
            </label>
            <label class="field">
              <span>Type the name of the lock to confirm</span>
              <input
                value={typed}
                autocomplete="off"
                spellcheck={false}
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            </label>
          </>
        )}
        <p class={`result ${result && !result.ok ? 'bad' : ''}`} role="status">
          {result?.text}
        </p>
        <p class="buttons">
          <button type="button" onClick={onClose}>
            {result?.ok ? 'Close' : 'Cancel'}
          </button>
          {!result?.ok && (
            <button
              type="submit"
              class={action === 'force' ? 'danger' : 'primary'}
              disabled={!ready || busy}
            >
              {action === 'revoke' ? 'Ask' : now ? 'Free it at once' : 'Force release'}
            </button>
          )}
        </p>
      </form>
    </Dialog>
  )
}
