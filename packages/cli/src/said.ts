/** What the library has another name for. */
const OPTIONS: Readonly<Record<string, string>> = {
  holdAtLeast: 'min-hold',
  limit: 'permits',
  permits: 'weight',
}

/** What is called otherwise from a shell. */
const CALLS: readonly (readonly [said: RegExp, here: string])[] = [
  [/\bcall bootstrap\(\)/g, "run 'holdfast bootstrap'"],
  [/\bbootstrap\(\)/g, 'holdfast bootstrap'],
  [/the same limit; resize\(\) changes it for all/g, 'the same --permits'],
]

const EXPECTED: readonly (readonly [said: string, here: string])[] = [
  [
    ": a number of milliseconds, or digits with ms, s, m or h behind them without a space, such as '10s' or '1.5h'",
    ', such as 10s',
  ],
  ['or Infinity', "or 'forever'"],
  ['as lock.owner', 'as acquire prints it'],
  [' (with lockDelay)', ''],
  ['the option quarantine of Holdfast', '--quarantine'],
]

/** What the library says, for who calls it by this program. */
export function inOurWords(message: string): string {
  return CALLS.reduce((text, [said, here]) => text.replace(said, here), message)
}

/** The same of an argument that it refuses: which option that is here, and in which unit. */
export function refusedInOurWords(message: string): string {
  const [, option, owner, said, given] =
    /^(?:options\.(\w+)|(owner)): expected (.*), but got (.*)$/s.exec(message) ?? []
  const name = option ?? owner
  if (name === undefined) return message
  const expected = EXPECTED.reduce((text, [there, here]) => text.replace(there, here), said!)
  // A number alone is seconds here, and ms there.
  const unit = /\d ms\b/.test(expected) && /^[\d.]+$/.test(given!) ? ' ms' : ''
  return `--${OPTIONS[name] ?? name}: expected ${expected}, but got ${given}${unit}`
}
