import type { LocalClock } from '../base/clock.js'
import type { Answer } from './node.js'

/** The run of a majority's answers: their time is the local one. */
export const QUORUM_RUN = 'quorum'

/** A majority's word: its server time is the local time of the sending, which every vote came after. */
export function answerOf(clock: LocalClock, verdict: readonly string[], sent: number): Answer {
  const received = clock.now()
  return { verdict, raw: verdict, sent, received, now: sent, run: QUORUM_RUN }
}

/**
 * Until when a lease can be proved that so many nodes hold, local time: the latest moment that so many of
 * their expiries reach. @param at where a verdict has its expiry.
 */
export function provedUntil(answers: readonly Answer[], at: number, count: number): number {
  const ends = answers.map(({ sent, verdict, now }) => sent + Number(verdict[at]) - now)
  return ends.toSorted((a, b) => b - a)[count - 1] ?? -Infinity
}

/** One of those that most agree with. */
export function mostCommon<T>(all: readonly T[], what: (one: T) => string): T | undefined {
  const counts = new Map<string, number>()
  for (const one of all) counts.set(what(one), (counts.get(what(one)) ?? 0) + 1)
  let best: T | undefined
  let most = 0
  for (const one of all) {
    const count = counts.get(what(one))!
    if (count > most) [best, most] = [one, count]
  }
  return best
}

/** Who holds, by a reply of inspect. */
export function holders({ raw }: Answer): string {
  const list = Array.isArray(raw[4]) ? (raw[4] as readonly unknown[]) : []
  return list
    .filter((_, i) => i % 3 === 0)
    .map(String)
    .toSorted()
    .join(' ')
}

/** Its fence is the highest that any of them has granted. */
export function withHighest(answer: Answer, all: readonly Answer[]): Answer {
  const highest = Math.max(...all.map(({ raw }) => Number(raw[1])))
  const raw = answer.raw.map((value, i) => (i === 1 ? String(highest) : value))
  return { ...answer, raw, verdict: raw.map(String) }
}

/**
 * One of those to a release whose verdict most have; never none. Of these one by whose word the holder is
 * whom most name: a server that missed the grant names nobody, and may be the first to answer.
 */
export function ofMost(answers: readonly Answer[]): Answer {
  const most = mostCommon(answers, ({ verdict }) => verdict[0]!)!
  const same = answers.filter(({ verdict }) => verdict[0] === most.verdict[0])
  const telling = same.filter(({ verdict }) => verdict[2])
  return mostCommon(telling, ({ verdict }) => verdict[2]!) ?? most
}
