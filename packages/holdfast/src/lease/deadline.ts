/** The part of a drift allowance that does not grow with time: grain of the clocks and rounding. */
const GRAIN_MS = 2

/**
 * Until when a lease can be proved: the local time just before the request was sent, plus the
 * remaining time that the reply states, less the drift. The server set the expiry after that
 * moment, so it cannot end earlier by any clock within the drift. (safety.md 3.1; review S3.)
 */
export function deadlineOfReply(sent: number, remaining: number, drift: number): number {
  return sent + remaining - (Math.max(0, remaining) * drift + GRAIN_MS)
}

/**
 * The same for a message: `ends` and `serverTime` are server ms, `latestOffset` is the most that the
 * server's clock can be ahead of ours, so that the end comes at `ends - latestOffset` at the earliest.
 */
export function deadlineOfPush(
  ends: number,
  serverTime: number,
  latestOffset: number,
  drift: number,
): number {
  return ends - latestOffset - (Math.max(0, ends - serverTime) * drift + GRAIN_MS)
}

/** How much time the server may have counted in so much of ours. */
export function atMost(elapsed: number, drift: number): number {
  return Math.max(0, elapsed) * (1 + drift) + GRAIN_MS
}

/** How long before its deadline a lease of this length counts as lost; a claim is shorter than a ttl. */
export function marginOf(length: number, asked: number | undefined): number {
  return Math.min(asked ?? Math.max(50, length * 0.05), length / 4)
}
