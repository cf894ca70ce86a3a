import type { Reply } from '../clients/port.js'
import type { Info } from '../kernel/protocol.js'

/** Holders or waiters, as a reply lists them: owner id, number, record. */
export function* triples(list: Reply | undefined): Generator<[string, string, string]> {
  const flat = Array.isArray(list) ? list.map(String) : []
  for (let i = 0; i < flat.length; i += 3) yield [flat[i]!, flat[i + 1]!, flat[i + 2]!]
}

/** What a record says of its process. */
export function processOf({ label, host, pid, trace, election }: Info): Info {
  return {
    ...(label === undefined ? {} : { label }),
    ...(host === undefined ? {} : { host }),
    ...(pid === undefined ? {} : { pid }),
    ...(trace === undefined ? {} : { trace }),
    ...(election ? { election } : {}),
  }
}
