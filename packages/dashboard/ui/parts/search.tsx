import { useEffect, useRef, useState } from 'preact/hooks'
import type { Search as Found } from '../../src/model.js'
import { go, href, lockHref } from '../lib/route.js'
import { Text } from './text.js'

const PAUSE = 120

/** One box for all: a name of the list opens its lock, Enter without one filters the table. */
export function Search() {
  const [text, setText] = useState('')
  const [names, setNames] = useState<readonly string[]>([])
  const [at, setAt] = useState(-1)
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLInputElement>(null)

  useEffect(() => {
    setAt(-1)
    if (text === '') return setNames([])
    const stop = new AbortController()
    const later = setTimeout(
      () => void ask(text, stop.signal).then((found) => found && setNames(found)),
      PAUSE,
    )
    return () => {
      clearTimeout(later)
      stop.abort()
    }
  }, [text])

  function choose(name: string | undefined): void {
    go(name === undefined ? href('locks', { filter: text }) : lockHref(name))
    setText('')
    setOpen(false)
    box.current?.blur()
  }

  const shown = open && names.length > 0
  return (
    <div class="search">
      <input
        ref={box}
        id="search"
        type="text"
        role="combobox"
        aria-label="Search for a lock"
        aria-expanded={shown}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant={shown && at >= 0 ? `found-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder="Search"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setOpen(true)
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(at + 1, names.length - 1))
          else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, -1))
          else if (event.key === 'Enter' && text !== '') choose(shown ? names[at] : undefined)
          else if (event.key === 'Escape') {
            if (text === '') box.current?.blur()
            setText('')
          } else return
          event.preventDefault()
        }}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id="found" role="listbox" aria-label="Locks found" hidden={!shown}>
        {names.map((name, i) => (
          <li
            key={name}
            id={`found-${i}`}
            role="option"
            aria-selected={i === at}
            onMouseDown={(event) => {
              event.preventDefault()
              choose(name)
            }}
          >
            <Text text={name} most={44} />
          </li>
        ))}
      </ul>
    </div>
  )
}

async function ask(text: string, signal: AbortSignal): Promise<readonly string[] | null> {
  try {
    const answer = await fetch(`api/search?${new URLSearchParams({ q: text })}`, { signal })
    return answer.ok ? ((await answer.json()) as Found).names : []
  } catch {
    return null
  }
}
