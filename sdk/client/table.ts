import type { InspectOptions } from 'node:util'
import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { keyName } from './key-name.ts'
import { printed, SHOW } from './printed.ts'
import { Reading, type ReadTopic } from './reading.ts'
import { encode, type Serde } from './serde.ts'
import { TableChanges } from './table-changes.ts'

/** What is there under a key, or was, as of the newest record with that key. */
interface Row<K, V> {
  readonly key: K
  readonly value: V
}

/** A change of a table's value: `undefined` stands for none. */
export interface TableChange<K, V> {
  /** Which one has changed. */
  readonly key: K
  /** What it is now; undefined: it was deleted. */
  readonly value: V | undefined
  /** What it was when the change before was handed out. */
  readonly previous: V | undefined
}

/** Somebody who waits until the table has everything in front of these offsets, by partition. */
interface Waiter {
  readonly ends: Map<number, number>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * The newest value of each key of a topic, in memory and kept up to date. Made for compacted topics, which keep just that.
 * A tombstone deletes; records without a key are left out. Nothing is written through it: send to the topic.
 */
export class Table<K, V, KI = K> implements AsyncDisposable, Iterable<[key: K, value: V]> {
  /** The topic that it shows. */
  readonly topic: string
  readonly #context: ClientContext
  readonly #key: Serde<unknown, KI>
  readonly #reading: Reading
  /** By the names of their keys: equal bytes are equal keys, whatever they are decoded to. */
  readonly #rows = new Map<string, Row<K, V>>()
  readonly #changes = new Set<TableChanges<K, V>>()
  /** Up to where each partition is in the table. */
  readonly #reached = new Map<number, number>()
  #waiters: Waiter[] = []
  #failure: { readonly error: unknown } | undefined
  #isOver = false
  #ended: Promise<void> = Promise.resolve()

  private constructor(context: ClientContext, topic: ReadTopic) {
    this.topic = topic.name
    this.#context = context
    this.#key = topic.serdes.key as Serde<unknown, KI>
    this.#reading = new Reading(context, topic, {})
    this.#reading.onWaiting = () => {
      for (const { partition, offset } of this.#reading.positions) this.#reach(partition, offset)
    }
  }

  /** Use `tide.table`. Resolves when the table has all there was when it was asked for. */
  static async open<K, V, KI>(context: ClientContext, topic: ReadTopic): Promise<Table<K, V, KI>> {
    const table = new Table<K, V, KI>(context, topic)
    await topic.ensure()
    table.#ended = table.#follow()
    try {
      await table.caughtUp()
    } catch (error) {
      await table.close()
      throw error
    }
    return table
  }

  /** How many keys there are. @throws what ended it, if anything did: then it is out of date */
  get size(): number {
    this.#check()
    return this.#rows.size
  }

  /** The newest value of a key; undefined where there is none. @throws {TidemarkError} ENCODE_FAILED, and as `size` */
  get(key: KI): V | undefined {
    this.#check()
    const encoded = encode(this.#key, key, 'key', this.topic)
    return this.#rows.get(encoded === null ? '' : keyName(encoded))?.value
  }

  /** Whether there is a value. @throws as `get` */
  has(key: KI): boolean {
    return this.get(key) !== undefined
  }

  /** Keys and values, in no order to rely on. @throws as `size` */
  *[Symbol.iterator](): Generator<[key: K, value: V], undefined> {
    this.#check()
    for (const { key, value } of this.#rows.values()) yield [key, value]
  }

  /**
   * Resolves when everything that is in the topic by now is in the table: what this program has sent before, for instance.
   * @throws {TidemarkError} UNKNOWN_TOPIC, CORRUPT_BATCH, DECODE_FAILED, CLOSED
   */
  async caughtUp(): Promise<void> {
    this.#check()
    const ends = await this.#reading.ends()
    this.#check()
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ ends: new Map(ends.map(({ partition, offset }) => [partition, offset])), resolve, reject })
      this.#wake()
    })
  }

  /**
   * What changes from now on. Of a key that changes several times before the loop asks for the next one, it gets the last;
   * so a slow loop holds no more than there are keys. Ends when the table is closed. @throws as `caughtUp`
   */
  changes(): AsyncIterable<TableChange<K, V>> {
    this.#check()
    const changes: TableChanges<K, V> = new TableChanges(() => this.#changes.delete(changes))
    this.#changes.add(changes)
    if (this.#isOver) changes.end(undefined)
    return changes
  }

  /** Follows the topic no longer; what it has stays readable. */
  async close(): Promise<void> {
    await this.#reading.close()
    await this.#ended
  }

  /** `await using`: the same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    return { topic: this.topic, size: this.#rows.size }
  }

  /** @internal What `console.log` shows of it. */
  [SHOW](depth: number | null, options: InspectOptions): string {
    return printed('Table', this.toJSON(), depth, options)
  }

  async #follow(): Promise<void> {
    const loop = this.#reading.loop<FetchedRecord<string, K, V>>()
    try {
      for (let next = await loop.next(); next.done !== true; next = await loop.next()) {
        this.#apply(next.value)
        this.#reach(next.value.partition, next.value.offset + 1)
      }
    } catch (error) {
      this.#failure = { error }
      await this.#reading.close()
    }
    this.#isOver = true
    for (const changes of this.#changes) changes.end(this.#failure)
    this.#wake()
  }

  #apply(record: FetchedRecord<string, K, V>): void {
    const { bytes } = record
    if (bytes.key === null) return
    const name = keyName(bytes.key)
    const previous = this.#rows.get(name)
    const row = bytes.value === null ? undefined : { key: ownOf(record.key), value: ownOf(record.value) }
    if (row !== undefined) this.#rows.set(name, row)
    else if (!this.#rows.delete(name)) return
    const change = { key: (row ?? previous!).key, value: row?.value, previous: previous?.value }
    for (const changes of this.#changes) changes.add(name, change)
  }

  #reach(partition: number, offset: number): void {
    this.#reached.set(partition, Math.max(this.#reached.get(partition) ?? 0, offset))
    if (this.#waiters.length > 0) this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      const { ends, resolve, reject } = waiter
      for (const [partition, end] of ends) if ((this.#reached.get(partition) ?? 0) >= end) ends.delete(partition)
      if (ends.size === 0) resolve()
      else if (this.#failure !== undefined) reject(this.#failure.error)
      else if (this.#isOver) reject(new TidemarkError('CLOSED', `The table of topic "${this.topic}" was closed.`))
      else this.#waiters.push(waiter)
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    this.#context.checkOpen()
  }
}

/** Bytes are views into the batch they came in, which would stay in memory as long as one row of it does. */
function ownOf<T>(decoded: T): T {
  return decoded instanceof Uint8Array ? (Uint8Array.from(decoded) as T) : decoded
}
