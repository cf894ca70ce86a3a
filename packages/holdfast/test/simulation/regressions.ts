/**
 * A seed that once failed, and what it was: played again by every run of the tests. When the simulator itself
 * changes, a seed takes another course: then another one is looked for, by the breakage that plants the same
 * mistake.
 */
export interface Regression {
  readonly seed: number
  readonly nodes: number
  readonly scenario: string
  /** What was wrong then. */
  readonly was: string
}

export const regressions: readonly Regression[] = [
  {
    seed: 110,
    nodes: 1,
    scenario: 'beyond',
    was: 'I3: the signal was late by as much as the clock had jumped, because the timer of the loss was not set anew',
  },
  { seed: 230, nodes: 1, scenario: 'beyond', was: 'the same' },
  {
    seed: 463,
    nodes: 3,
    scenario: 'clocks',
    was: 'I2: the ballot that a reader wrote back was taken although it was not above the one that made it necessary',
  },
  { seed: 35, nodes: 5, scenario: 'clocks', was: 'the same' },
  { seed: 462, nodes: 5, scenario: 'clocks', was: 'the same' },
  {
    seed: 947,
    nodes: 1,
    scenario: 'cohorts',
    was: 'I2: a process went on handing on what it had forced away itself, because the message was late',
  },
  { seed: 3989, nodes: 1, scenario: 'linger', was: 'I1: the same of what it kept' },
  {
    seed: 91467,
    nodes: 5,
    scenario: 'calm',
    was: 'I9: a vote was taken back by no ballot, after a node had refused one that was too far ahead',
  },
]
