import { createHmac, randomBytes } from 'node:crypto'
import type { Who } from './model.js'

/** What a record or an entry says of a process. */
interface Info {
  readonly label?: string
  readonly host?: string
  readonly pid?: number
  /** Or the client alone, which it begins with. Null of another library's. */
  readonly owner?: string | null
}

const MOST_KEPT = 20_000

/** Tells processes apart without their owner ids, by which a lock can be renewed and released. */
export class People {
  readonly #key = randomBytes(32)
  readonly #ids = new Map<string, string>()

  who({ label, host, pid, owner }: Info): Who {
    return {
      id: owner === null ? 'foreign' : this.#idOf(owner, host, pid),
      ...(label === undefined ? {} : { label }),
      ...(host === undefined ? {} : { host }),
      ...(pid === undefined ? {} : { pid }),
    }
  }

  /** An owner id is `<client>.<sequence>`: the client is one Holdfast, and so one process. */
  #idOf(owner: string | undefined, host = '', pid = 0): string {
    const who = owner ? `c ${owner.split('.')[0]}` : `p ${pid} ${host}`
    let id = this.#ids.get(who)
    if (id === undefined) {
      id = createHmac('sha256', this.#key).update(who).digest('base64url').slice(0, 12)
      if (this.#ids.size >= MOST_KEPT) this.#ids.clear()
      this.#ids.set(who, id)
    }
    return id
  }
}

/** In what errors say, an owner id may stand. */
export function withoutOwners(text: string): string {
  return text.replace(/\b[0-9a-f]{32}(\.\d+)?\b/g, '…')
}
