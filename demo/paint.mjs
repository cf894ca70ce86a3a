// Colours where they are wanted, and a few ways to write numbers.
import { stripVTControlCharacters, styleText } from 'node:util'
import { processOf } from './ledger.mjs'

const HUES = ['cyan', 'yellow', 'magenta', 'blue', 'green', 'whiteBright', 'cyanBright', 'gray']

/** Text in a style; plain text with NO_COLOR, or where the output is no terminal. */
export function painter(stream) {
  const wanted = Boolean(stream.isTTY && stream.hasColors?.()) && !process.env.NO_COLOR
  // Whether it is wanted was decided here, in the same way in every version of Node.
  const paint = (style, text) =>
    wanted ? styleText(style, text, { validateStream: false }) : String(text)
  const hue = (id) => HUES[(Number(id.slice(1)) - 1) % HUES.length]
  return {
    bold: (text) => paint('bold', text),
    dim: (text) => paint('dim', text),
    red: (text) => paint('red', text),
    green: (text) => paint('green', text),
    bad: (text) => paint(['bold', 'red'], text),
    good: (text) => paint(['bold', 'green'], text),
    gone: (text) => paint(['dim', 'strikethrough'], text),
    /** A process or a waiter, in the colour of its process. */
    who: (who, mark = '') => paint(hue(processOf(who)), mark + who),
  }
}

const width = (text) => stripVTControlCharacters(text).length

export const pad = (text, columns) => text + ' '.repeat(Math.max(0, columns - width(text)))
export const padStart = (text, columns) => ' '.repeat(Math.max(0, columns - width(text))) + text

/** Left and right, with what is between them filled up. */
export const apart = (left, right, columns) =>
  left + ' '.repeat(Math.max(1, columns - width(left) - width(right))) + right

export const count = (n) => Math.round(n).toLocaleString('en-US')
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`

/** Milliseconds, with as many digits as say something. */
export function ms(value) {
  if (value === null) return '–'
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value)} ms`
}

export const seconds = (value) => `${value.toFixed(1)} s`
