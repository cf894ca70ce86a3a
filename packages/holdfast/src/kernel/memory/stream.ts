/** An entry of a {@link Stream}: ms and sequence are its id. */
export interface StreamEntry {
  readonly ms: number
  readonly seq: number
  readonly values: readonly string[]
}

/** A stream of a history, oldest first: what is added comes after all that was there. */
export class Stream {
  #entries: StreamEntry[] = []

  get last(): StreamEntry | undefined {
    return this.#entries.at(-1)
  }

  add(entry: StreamEntry): void {
    this.#entries.push(entry)
  }

  /** XTRIM MAXLEN. */
  trim(most: number): void {
    if (this.#entries.length > most) this.#entries = this.#entries.slice(-most)
  }

  /** What comes before an id (newest first, null: from the end) or after one (oldest first). */
  read(before: boolean, id: string | null, count: number): readonly StreamEntry[] {
    const [ms, seq] = (id ?? '').split('-').map(Number) as [number, number]
    const side = before ? -1 : 1
    const found = this.#entries.filter(
      (entry) => id === null || Math.sign(entry.ms - ms || entry.seq - seq) === side,
    )
    return (before ? found.toReversed() : found).slice(0, count)
  }
}
