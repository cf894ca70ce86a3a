import type { ComponentChildren } from 'preact'
import type { Who } from '../../src/model.js'
import { place, shorten, visible, whoText } from '../lib/format.js'
import { lockHref } from '../lib/route.js'

/** Text that somebody else chose: apart from the direction of what is around it, and short. The whole is in the title. */
export function Text({ text, most = 48 }: { text: string; most?: number }) {
  const shown = shorten(visible(text), most)
  return (
    <bdi class="text" title={shown === text ? undefined : visible(text)}>
      {shown === '' ? <i>empty</i> : shown}
    </bdi>
  )
}

export function LockLink({ name, most }: { name: string; most?: number | undefined }) {
  return (
    <a class="name" href={lockHref(name)}>
      <Text text={name} {...(most === undefined ? {} : { most })} />
    </a>
  )
}

/** Label first, then where it runs. */
export function Person({ who, more = 0 }: { who: Who | null; more?: number }) {
  if (!who) return <span class="faint">–</span>
  const at = place(who)
  return (
    <span class="who" title={visible(whoText(who))}>
      {who.label !== undefined && <Text text={who.label} most={28} />}
      {at !== null && (
        <span class={who.label === undefined ? '' : 'faint'}>
          <Text text={at} most={32} />
        </span>
      )}
      {who.label === undefined && at === null && <span class="faint">unknown</span>}
      {more > 0 && <span class="chip">+{more}</span>}
    </span>
  )
}

/** Says what one would see here, and how to have it. */
export function Empty({
  title,
  code,
  children,
}: {
  title: string
  code?: string
  children?: ComponentChildren
}) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      <p>{children}</p>
      {code !== undefined && (
        <pre tabindex={0}>
          <code>{code}</code>
        </pre>
      )}
    </div>
  )
}

export const Loading = () => <p class="loading">Asking…</p>
