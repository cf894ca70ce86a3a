import { inTime } from '../../base/in-time.js'
import type { Runtime } from '../../base/runtime.js'
import type { PortNode } from '../../clients/port.js'
import { decode, PROTOCOL } from '../../kernel/protocol.js'
import { scripts } from '../../kernel/scripts.gen.js'
import { unanswered } from '../../quorum/ops.js'
import type { Engine } from '../engine.js'
import { found, unseen, type Found } from './findings.js'

const SAMPLES = 20

/** One reply of a server: local times, and its own, ms. */
interface Sample {
  readonly sent: number
  readonly received: number
  readonly now: number
}

/** What the replies of one server say, one after the other. */
export interface Samples {
  readonly run: string
  readonly samples: readonly Sample[]
}

const pause = (runtime: Runtime, ms: number): Promise<void> =>
  new Promise((resolve) => void runtime.setTimer(resolve, ms, true))

/** Round trips, over so many ms. @throws the client's error, ERR_UNAVAILABLE */
export async function sampled(
  { clock, runtime }: Engine,
  server: PortNode,
  timeout: number,
  over: number,
): Promise<Samples> {
  const samples: Sample[] = []
  let run = ''
  const end = clock.now() + over
  for (;;) {
    const sent = clock.now()
    const asked = server.run(scripts.hello, [], [PROTOCOL])
    const reply = decode(
      await inTime(runtime, asked, timeout, () => {
        throw unanswered(timeout)
      }),
    )
    run = reply.run
    samples.push({ sent, received: clock.now(), now: reply.now })
    if (clock.now() >= end) return { run, samples }
    await pause(runtime, over / SAMPLES)
  }
}

export const ms = (value: number): string => `${Number(value.toPrecision(3))} ms`

/** The one of the narrowest bounds. */
const narrowest = (samples: readonly Sample[]): Sample =>
  samples.reduce((best, one) => (width(one) < width(best) ? one : best))

const width = ({ sent, received }: Sample): number => received - sent

/** Bounds of the server's clock minus the local one. */
export function offset(samples: readonly Sample[]): {
  readonly least: number
  readonly most: number
} {
  const { sent, received, now } = narrowest(samples)
  return { least: now - received, most: now - sent }
}

/** @param limit the time limit of a command, ms. */
export function latency({ samples }: Samples, limit: number): Found {
  // The first opens connections, and brings the server the script.
  const times = samples.slice(samples.length > 1 ? 1 : 0).map(width)
  const sorted = times.toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1]!
  const worst = sorted.at(-1)!
  const severity = worst >= limit / 2 ? 'warning' : 'ok'
  const measured = `${times.length} round trips: median ${ms(median)}, worst ${ms(worst)}; a command may take ${ms(limit)}`
  return found('latency', severity, measured, { median, worst, limit, count: times.length })
}

/** @param wall what the wall clock here is ahead of local time. */
export function clockOffset({ samples }: Samples, wall: number): Found {
  const { least, most } = offset(samples)
  const values = { least: least - wall, most: most - wall }
  const middle = (values.least + values.most) / 2
  const error = ms((values.most - values.least) / 2)
  const side = middle < 0 ? 'behind' : 'ahead of'
  const measured = `the server's clock is ${ms(Math.abs(middle))} ${side} this machine's, give or take ${error}`
  const far = values.least > 1000 || values.most < -1000
  return found('clock-offset', far ? 'note' : 'ok', measured, values)
}

/** @param drift the error of rates allowed for, as a part. */
export function clockRate({ samples }: Samples, drift: number): Found {
  const few = Math.ceil(samples.length / 3)
  if (samples.length === 1) return unseen('clock-rate', 'there was one round trip')
  const [early, late] = [narrowest(samples.slice(0, few)), narrowest(samples.slice(-few))]
  const [before, after] = [offset([early]), offset([late])]
  const over = late.received - early.received
  const least = (after.least - before.most) / over
  const most = (after.most - before.least) / over
  const values = { least, most, drift, over }
  const percent = (part: number): string => `${Number((part * 100).toPrecision(2))} %`
  const measured = `over ${ms(over)} the server's clock ran between ${percent(least)} and ${percent(most)} faster than this machine's; ${percent(drift)} is allowed for`
  if (least > drift || most < -drift) return found('clock-rate', 'error', measured, values)
  if (least >= -drift && most <= drift) return found('clock-rate', 'ok', measured, values)
  return unseen('clock-rate', `${measured}. Measure for longer`)
}
