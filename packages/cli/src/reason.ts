import { writeSync } from 'node:fs'
import type { Exit, Facts } from './exit.js'
import { jsonOf } from './text.js'

const STDERR = 2

/**
 * One line for machines and people: `holdfast: reason=taken exit=75 name=nightly msg="..."`, or the same as
 * JSON. Written at once, so that nothing is lost when the process ends behind it.
 */
export function sayReason(exit: Exit, json: boolean, fd = STDERR): void {
  const { reason, code, facts, message } = exit
  say('exit', { reason, exit: code, ...facts, msg: message }, json, fd)
}

/** The same of something that ends nothing. */
export function note(reason: string, message: string, json: boolean): void {
  say('note', { reason, msg: message }, json)
}

/** One line of that kind. A descriptor that cannot be written to is no reason to say nothing. */
export function say(event: string, facts: Facts, json: boolean, fd = STDERR): void {
  const line = json ? jsonOf({ event, ...facts }) : `holdfast: ${logfmt(facts)}`
  if (!writeLine(fd, line) && fd !== STDERR) writeLine(STDERR, line)
}

/** `key=value` for each that has a value; quoted where it has to be. */
function logfmt(facts: Facts): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${quoted(String(value))}`)
    .join(' ')
}

const quoted = (text: string): string => (/^[^\s"=\\\p{C}]+$/u.test(text) ? text : jsonOf(text))

/** @returns whether it was written: whoever reads it may have gone, which is no reason to fail. */
function writeLine(fd: number, line: string): boolean {
  let rest = Buffer.from(`${line}\n`)
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
    return true
  } catch {
    // A closed pipe, or a full one that does not block: a report is not worth more.
    return false
  }
}
