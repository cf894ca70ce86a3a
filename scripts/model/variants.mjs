// What `npm run model` plays. docs/model/README.md says what the flags mean.

const entry =
  (model, check, holds) =>
  (name, flags, quick = false) => ({
    model,
    check,
    holds,
    name,
    flags: flags.split(' ').map((flag) => `-D${flag}`),
    quick,
  })
const safe = entry('ballots', 'states', true)
const ends = entry('waiting', 'cycles', true)
const stuck = entry('waiting', 'states', true)

/** What has to hold. */
export const variants = [
  safe('two acquisitions', 'NA=2 TOP=2 ONESHOT GHOST', true),
  safe('larger ballots by one owner', 'NA=2 TOP=3'),
  safe('no ghosts', 'NA=2 TOP=3 GHOST'),
  safe('records outlive leases: exclusion', 'NA=2 TOP=3 LEASES'),
  safe('a node forgets', 'NA=2 TOP=3 FORGETS=1 LEASES ONESHOT'),
  safe('nodes forget twice', 'NA=2 TOP=2 FORGETS=2 LEASES ONESHOT'),
  safe('a node forgets, records lapse at any time: T1, T2', 'NA=2 TOP=2 FORGETS=1 NORENEW'),
  safe('a blind repair counts', 'NA=2 TOP=2 FORGETS=1 LEASES ONESHOT COUNTBLIND', true),
  safe('a writer and a reader', 'NA=2 TOP=3 SHARED=2 ONESHOT', true),
  safe('two readers', 'NA=2 TOP=2 SHARED=3 ONESHOT NORENEW'),
  stuck('two waiters, no timer: no deadlock', 'NW=2', true),
  stuck('two waiters, no timer, a node stops: no deadlock', 'NW=2 DOWN=1', true),
  stuck('three waiters, no timer: no deadlock', 'NW=3'),
  ends('two waiters', 'NW=2', true),
  ends('two waiters, a node stops', 'NW=2 TIMERS DOWN=1'),
  ends('two waiters, a message is lost', 'NW=2 TIMERS LOSS=1'),
  ends('two waiters, one dies', 'NW=2 TIMERS CRASH=1'),
  ends('two waiters, an offer lapses early', 'NW=2 TIMERS LAPSE=1'),
]

const bad = entry('ballots', 'states', false)
const circle = entry('waiting', 'cycles', false)
const jam = entry('waiting', 'states', false)

/** What has to be found. */
export const breakages = [
  bad('an equal ballot is granted', 'NA=2 TOP=3 NOTSTRICT', true),
  bad('any ballot is granted', 'NA=2 TOP=3 NOCHECK', true),
  bad('the release deletes the ballot', 'NA=2 TOP=3 DELBALLOT', true),
  bad('one vote is enough', 'NA=2 TOP=3 Q=1', true),
  bad('votes of the older ballot count', 'NA=2 TOP=3 OLDVOTES', true),
  bad('repair without a guard', 'NA=2 TOP=3 NOGUARD', true),
  bad('a grant does not raise the mark', 'NA=2 TOP=3 NOMARK', true),
  bad('the release of a tenure puts the mark back', 'NA=2 TOP=3 FAILALWAYS', true),
  bad('a late release acts on a record of a larger ballot', 'NA=2 TOP=3 ANYBALLOT', true),
  bad('a ballot that was given back is used again', 'NA=2 TOP=3 SAMEAGAIN'),
  bad('a renewal prolongs a record of an older ballot', 'NA=2 TOP=3 LEASES OLDRECORD', true),
  bad('no tombstone', 'NA=2 TOP=2 ONESHOT GHOST NOTOMB', true),
  bad('the release of a tenure leaves the mark', 'NA=2 TOP=2 ONESHOT GHOST NOENDMARK', true),
  bad('no quarantine', 'NA=2 TOP=2 FORGETS=1 LEASES ONESHOT NOQUARANTINE', true),
  bad('no floor', 'NA=2 TOP=2 FORGETS=1 LEASES ONESHOT NOFLOOR', true),
  bad('a node forgets, records lapse at any time: T4', 'NA=2 TOP=2 FORGETS=1 ONESHOT', true),
  bad('a reader is voted for below the mark of a writer', 'NA=2 TOP=3 SHARED=2 ONESHOT SOFT'),
  bad('a reader does not write back', 'NA=2 TOP=3 SHARED=3 NOBACK', true),
  jam('one vote is enough (waiting)', 'NW=2 Q=1', true),
  jam('no timers, a message is lost', 'NW=2 LOSS=1', true),
  jam('no timers, a holder dies', 'NW=2 CRASH=1', true),
  circle('a minority is kept', 'NW=2 TIMERS DOWN=1 NOROLLBACK', true),
  circle('giving back loses the place', 'NW=2 TIMERS DOWN=1 NOSTAND', true),
  circle('whoever comes first gets a free node', 'NW=2 TIMERS DOWN=1 ANYBODY', true),
  circle('each node has an order of its own', 'NW=2 TIMERS DOWN=1 OWNORDER', true),
  circle('an offer to two', 'NW=2 TIMERS DOWN=1 TWO OFFEREDTOO', true),
  circle('a claim is shorter than a round', 'NW=2 TIMERS DOWN=1 SHORTCLAIM', true),
  circle('an offer that lapsed costs no place', 'NW=2 TIMERS DOWN=1 CRASH=1 KEEPDEAD', true),
]
