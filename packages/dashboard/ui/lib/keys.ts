import { signal } from '@preact/signals-core'
import { togglePause } from './live.js'
import { go, href, pages } from './route.js'

export const helpOpen = signal(false)

export const shortcuts: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'search for a lock'],
  ['j k', 'next and previous row, also with the arrows'],
  ['Enter', 'open the row'],
  ...pages.map(({ key, title }) => [`g ${key}`, `go to ${title}`] as const),
  ['Space', 'stand still, and go on'],
  ['?', 'this help'],
  ['Esc', 'close, or leave the field'],
]

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select, dialog *')

/** The next row from where the focus is; without one the first in view. */
function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll('main [data-row]')].flatMap(
    (row) => row.querySelector<HTMLElement>('a[href]') ?? [],
  )
  const row = document.activeElement?.closest('[data-row]')
  const at = rows.findIndex((one) => row?.contains(one))
  const first = rows.findIndex((one) => one.getBoundingClientRect().top >= 60)
  rows[at === -1 ? Math.max(0, first) : at + by]?.focus()
}

/** A `g` waits this long for the letter after it. */
const CHORD = 1200

export function startKeys(): void {
  let chord = 0
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    if (typing(event.target)) return
    const { key } = event
    const page = event.timeStamp - chord < CHORD ? pages.find((one) => one.key === key) : undefined
    chord = key === 'g' ? event.timeStamp : 0
    const inRow = event.target instanceof HTMLElement && event.target.closest('[data-row]') !== null
    if (page) go(href(page.id))
    else if (key === '/') document.getElementById('search')?.focus()
    else if (key === '?') helpOpen.value = true
    else if (key === 'j' || (key === 'ArrowDown' && inRow)) step(1)
    else if (key === 'k' || (key === 'ArrowUp' && inRow)) step(-1)
    else if (key === ' ' && (event.target === document.body || inRow)) togglePause()
    else if (key === 'Escape' && document.activeElement instanceof HTMLElement)
      return document.activeElement.blur()
    else return
    event.preventDefault()
  })
}
