import type { Key } from 'node:readline'
import { SORTS, type View } from './frame.js'

/** What a key does to the view; or that it ends the program, or lets the shell have the terminal. */
export function press(view: View, key: Key, height: number): 'quit' | 'suspend' | null {
  if (key.ctrl && key.name === 'c') return 'quit'
  if (key.ctrl && key.name === 'z') return 'suspend'
  if (view.typing) type(view, key)
  else if (key.name === 'q') return 'quit'
  else choose(view, key, height)
  return null
}

function type(view: View, { name, sequence = '', ctrl = false, meta = false }: Key): void {
  if (name === 'escape') Object.assign(view, { typing: false, filter: '' })
  else if (name === 'return' || name === 'enter') view.typing = false
  else if (name === 'backspace') view.filter = view.filter.replace(/.$/su, '')
  // One of the keyboard, and no control of its own.
  else if (!ctrl && !meta && /^\P{C}$/u.test(sequence)) view.filter += sequence
}

function choose(view: View, { name, sequence }: Key, height: number): void {
  const page = Math.max(1, height - 5)
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    pageup: -page,
    pagedown: page,
    home: -Infinity,
    end: Infinity,
  }
  if (sequence === '/') Object.assign(view, { typing: true, filter: '' })
  else if (name === 'escape') view.filter = ''
  else if (name === 's') view.sort = SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length]!
  else if (name === 'r') view.reverse = !view.reverse
  // The screen says how far it goes.
  else view.above = Math.max(0, Math.min(view.above + (steps[name ?? ''] ?? 0), 1e9))
}
