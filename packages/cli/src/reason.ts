import { writeSync } from 'node:fs'
import type { Exit, Facts } from './exit.js'

const STDERR = 2

/**
 * One line for machines and people: `holdfast: reason=taken exit=75 name=nightly msg="..."`, or the same as
 * JSON. Written at once, so that nothing is lost when the process ends behind it.
 */
export function sayReason(exit: Exit, json: boolean, fd = STDERR): void {
  const { reason, code, facts, message } = exit
  const line = json
    ? JSON.stringify({ event: 'exit', reason, exit: code, ...facts, msg: message })
    : `holdfast: ${logfmt({ reason, exit: code, ...facts, msg: message })}`
  writeLine(fd, line)
}

/** `key=value` for each that has a value; quoted where it has to be. */
function logfmt(facts: Facts): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${quoted(String(value))}`)
    .join(' ')
}

const quoted = (text: string): string =>
  /^[^\s"=\\\p{C}]+$/u.test(text) ? text : JSON.stringify(text)

/** Whoever reads it may have gone, which is no reason to fail. */
export function writeLine(fd: number, line: string): void {
  let rest = Buffer.from(`${line}\n`)
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
  } catch {
    // A closed pipe, or a full one that does not block: a report is not worth more.
  }
}
