/** How bad a finding is: a note is worth knowing, a warning is a danger, with an error locks fail or are not safe. */
export type Severity = 'ok' | 'note' | 'warning' | 'error'

/** All findings: what is looked at, and what to do if it is not right. docs/operations.md has the same table. */
export const FINDINGS = {
  reachable: {
    looks: 'whether the server answers a script',
    advice: 'Mend the address, the network, the login or the server, as the message says.',
  },
  version: {
    looks: 'an error before Redis 6.2',
    advice: 'Use Redis 6.2 or newer, or any Valkey.',
  },
  role: {
    looks: 'an error on a replica, and on a Sentinel: no lock is granted there',
    advice:
      'Connect to the primary, or give the client the sentinels, so that it follows the primary.',
  },
  cluster: {
    looks: 'an error where the server is of a Cluster and the client is not a cluster client',
    advice: 'Use a cluster client.',
  },
  latency: {
    looks: 'round trips, median and worst: a warning from half of `nodeTimeout` on',
    advice: 'Bring the server nearer, free it of slow commands, or raise nodeTimeout and ttl.',
  },
  'clock-offset': {
    looks: "the server's clock against this machine's: a note from 1 s on. No lock depends on it",
    advice: 'Nothing for locks; for logs that can be compared, run NTP on both.',
  },
  'clock-rate': {
    looks:
      "how fast the server's clock runs against this machine's: an error beyond `drift`, also where one of them was set meanwhile",
    advice:
      'Have both clocks slewed and never stepped (NTP), look at the hypervisor, or raise drift.',
  },
  eviction: {
    looks:
      'a policy other than `noeviction`: a note without `maxmemory`, a warning with it, an error where keys were evicted',
    advice: 'CONFIG SET maxmemory-policy noeviction, and give locks a server of their own.',
  },
  memory: {
    looks: 'used memory: a warning from 90 % of `maxmemory` on, an error from 100 % on',
    advice: 'Raise maxmemory, or remove what is not needed: when it is full new locks are refused.',
  },
  persistence: {
    looks:
      'what a restart forgets: a warning if all or minutes of it, a note if a second. With a quarantine it does not matter',
    advice:
      'Use strictFailover or several servers, or appendonly yes and appendfsync always; else a restart may grant a name that is held.',
  },
  disk: {
    looks:
      'an error while the last write to the disk failed: the server then may refuse all writes',
    advice: 'Free the disk and mend its rights; the log of the server has the reason.',
  },
  replicas: {
    looks:
      'replicas: a warning for one that is not online or lags by more than 2 s; an error for fewer than the option `replicas`; a note for any behind one of several servers',
    advice:
      'Mend the replica or its network: what it lacks is lost in a failover, and with the option replicas locks wait for it.',
  },
  'min-replicas': {
    looks:
      'of a primary with replicas: an error if it refuses writes now; a warning with `strictFailover`, else a note, if nothing stops one that was cut off',
    advice: 'CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 2, on all servers.',
  },
  rights: {
    looks:
      'what the user may not do, by doing it: an error, or less where Holdfast can do without, as docs/clients.md says',
    advice:
      'ACL SETUSER with the name of the user and what is missing; docs/clients.md has the whole line.',
  },
  message: {
    looks:
      'a message to a subscription of its own: an error if it cannot subscribe, a warning if none arrives',
    advice:
      'Give the user the channels lock:client:*, and let the subscription through proxies: waiters hear of grants by it.',
  },
  timeout: {
    looks:
      '`timeout` of the server, which closes idle connections but no subscriptions: a note, and a warning below a third of the ttl (3 s by default)',
    advice:
      'CONFIG SET timeout 0, or longer than a third of the ttl: else a renewal has to connect first.',
  },
  'output-buffer': {
    looks: '`client-output-buffer-limit` of pubsub: a warning below 64 KiB',
    advice: 'CONFIG SET client-output-buffer-limit "pubsub 32mb 8mb 60".',
  },
  quarantine: {
    looks:
      'of several servers and with `strictFailover`: a warning while the server grants nothing, an error where its epoch or quarantine is another',
    advice:
      'Wait until it is over; after the very first start, and only then, bootstrap(). The same quarantine and epoch for all programs.',
  },
  lock: {
    looks:
      'a lock of its own: acquired, renewed and released. A warning where it is not tried, because it would begin a quarantine',
    advice: 'As the message says, and the other findings.',
  },
  servers: {
    looks:
      'of several servers, how many answer: a warning if one does not, an error without a majority, a note for an even number',
    advice: 'Bring back those that are away; three or five bear as much as four or six.',
  },
  'same-server': {
    looks: 'of several servers, whether two are one: an error',
    advice: 'Give each server once: two addresses lead to the same.',
  },
  'clock-difference': {
    looks:
      'of several servers, the clocks against each other: a warning from 1 s on, an error from 60 s on, which is as good as away',
    advice: 'Run NTP on all servers.',
  },
} as const

/** What a finding is about. */
export type FindingId = keyof typeof FINDINGS

/** One thing that was looked at, and what it says. */
export interface Finding {
  readonly id: FindingId
  readonly severity: Severity
  /**
   * Which of several servers, in the order of the clients, from 0 on; of a Cluster which primary, in the order in
   * which its client has them. Null: of all together, or there is one.
   */
  readonly server: number | null
  /** What was measured, or why it cannot be seen (then a note), as a sentence. */
  readonly measured: string
  /** What to do; null where it is as it should be. */
  readonly advice: string | null
  /** The same in numbers, by names of each finding's own; times are ms, sizes bytes. */
  readonly values: Readonly<Record<string, string | number | boolean | null>>
}

/** A finding of some server. */
export type Found = Omit<Finding, 'server'>

export function found(
  id: FindingId,
  severity: Severity,
  measured: string,
  values: Finding['values'] = {},
): Found {
  const advice = severity === 'ok' ? null : FINDINGS[id].advice
  return { id, severity, measured, advice, values }
}

/** What is forbidden, or what this client or server has not, is nothing wrong. */
export function unseen(id: FindingId, reason: string): Found {
  return { id, severity: 'note', measured: `cannot be seen: ${reason}`, advice: null, values: {} }
}
