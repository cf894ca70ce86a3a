/**
 * What a fault may break, by what the locks are on: a row of docs/guarantees.md each, and of the fault
 * matrix that the design began with (the numbers). Nothing else may break, ever: tokens rise, losses are
 * told in time, calls settle, nothing is left.
 *
 * `exclusion`: two may hold a name at a time until the older one has found out, because the server forgot
 * it. On a quorum a node that forgot is in quarantine instead, so that not even the loss of all of them at
 * once breaks anything. Behind sentinels it is promised to those who have grants acknowledged, whatever
 * happens: only names that others take are forgotten.
 *
 * @type {Record<string, { rows: number[], one?: 'exclusion', quorum?: 'exclusion', sentinel?: 'exclusion', cluster?: 'exclusion' }>}
 */
export const MAY_BREAK = {
  // Of servers.
  freeze: { rows: [6, 7, 29, 30] },
  restart: { rows: [10, 29, 30] },
  wipe: { rows: [9], one: 'exclusion' },
  rolling: { rows: [9] },
  flushall: { rows: [12], one: 'exclusion' },
  pause: { rows: [8] },
  full: { rows: [15] },
  scripts: { rows: [19] },
  subscribers: { rows: [33] },
  cut: { rows: [2] },
  // Of primaries that have a replica. On a cluster nobody but the replica is asked, and it has everything.
  failover: { rows: [20, 21], sentinel: 'exclusion' },
  'primary killed': { rows: [20, 21], sentinel: 'exclusion' },
  'lossy failover': { rows: [21], sentinel: 'exclusion' },
  'primary frozen': { rows: [20, 21], sentinel: 'exclusion' },
  // Of slots, which move with all that is in them.
  reshard: { rows: [23] },
  'reshard half-way': { rows: [23] },
  // Of the network.
  delay: { rows: [4] },
  slow: { rows: [5] },
  reset: { rows: [2] },
  'half-close': { rows: [5] },
  'half-open': { rows: [5] },
  'black hole': { rows: [3] },
  'lost reply': { rows: [2] },
  refuse: { rows: [3] },
  clog: { rows: [3, 4] },
  partition: { rows: [3, 29, 30] },
  // Of processes.
  stop: { rows: [25] },
  block: { rows: [27] },
  kill: { rows: [26] },
}
