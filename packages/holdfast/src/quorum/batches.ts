import type { Port } from '../clients/port.js'
import { BATCH } from '../kernel/protocol.js'
import type { Op } from './ops.js'

/**
 * To make a holder takes a server three times as long as to renew or release it, and nobody else is served
 * meanwhile: 40 names take it less than a millisecond.
 */
const MOST: { readonly [op in Op]?: number } = { acquire: 40, q_acquire: 40 }

/** What travels in one call; `alone`: with nothing else, however many items they are. */
interface Batch<Item> {
  readonly op: Op
  readonly timeout: number
  readonly alone: boolean
  readonly items: Item[]
}

type Send<Item> = (op: Op, slot: number, items: readonly Item[]) => void

/**
 * Puts together what is asked for in one turn of the event loop: one call for each operation and slot,
 * of at most 100 items (of acquires 40). It waits for nothing else: at the end of the turn everything is sent.
 */
export class Batches<Item> {
  readonly #send: Send<Item>
  readonly #port: Pick<Port, 'atOnce'>
  /** By slot. */
  #pending = new Map<number, Batch<Item>[]>()

  constructor(port: Pick<Port, 'atOnce'>, send: Send<Item>) {
    this.#port = port
    this.#send = send
  }

  /** The items of the call that one more goes with; `alone`: of a new one. */
  items(op: Op, slot: number, timeout: number, alone = false): Item[] {
    const batches = this.#pending.get(slot)
    for (const one of batches ?? []) {
      // A batch has one time limit: with a longer one a short lease would hear of a failure too late.
      if (one.op === op && one.timeout === timeout && !one.alone && !alone) return one.items
    }
    // Behind all that hangs on the same answer: its promises have settled before.
    if (this.#pending.size === 0) queueMicrotask(() => this.#flush())
    const batch: Batch<Item> = { op, timeout, alone, items: [] }
    if (batches) batches.push(batch)
    else this.#pending.set(slot, [batch])
    return batch.items
  }

  /** Of a slot in the order in which they were asked for: a release must not overtake. */
  #flush(): void {
    const pending = this.#pending
    this.#pending = new Map()
    const send = (): void => this.#sendAll(pending)
    // A process that releases a name and asks for it again is in its line before others have come and gone.
    if (this.#port.atOnce && several(pending)) this.#port.atOnce(send)
    else send()
  }

  #sendAll(pending: ReadonlyMap<number, readonly Batch<Item>[]>): void {
    for (const [slot, batches] of pending) {
      for (const { op, alone, items } of batches) {
        const most = alone ? items.length : mostOf(op)
        for (let i = 0; i < items.length; i += most) {
          this.#send(op, slot, items.length > most ? items.slice(i, i + most) : items)
        }
      }
    }
  }
}

const mostOf = (op: Op): number => MOST[op] ?? BATCH

/** Whether they are more calls than one. */
function several(pending: ReadonlyMap<number, readonly Batch<unknown>[]>): boolean {
  if (pending.size > 1) return true
  for (const [one, more] of pending.values()) {
    if (more || (one && !one.alone && one.items.length > mostOf(one.op))) return true
  }
  return false
}
