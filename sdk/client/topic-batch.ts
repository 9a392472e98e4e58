import type { InspectOptions } from 'node:util'
import { TidemarkError } from '../errors.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { printed, SHOW } from './printed.ts'
import type { ProcessedPrefix } from './processed.ts'

/** Consecutive records of one partition, at least one. */
export class TopicBatch<R> {
  /** The topic of all its records. */
  readonly topic: string
  /** The partition of all its records. */
  readonly partition: number
  /** In the order of their offsets. */
  readonly records: readonly R[]
  readonly #prefix: ProcessedPrefix

  constructor(prefix: ProcessedPrefix, records: readonly FetchedRecord[]) {
    this.topic = prefix.topic
    this.partition = prefix.partition
    this.records = records as readonly unknown[] as readonly R[]
    this.#prefix = prefix
  }

  /** Aborts when `done()` no longer counts: the partition was lost to another member, or the consumer was closed. */
  get signal(): AbortSignal {
    return this.#prefix.signal
  }

  /**
   * Says that the records up to and including `records[index]` are processed; without an index, that all are.
   * @throws {TidemarkError} INVALID_ARGUMENT where there is no such record
   */
  done(index: number = this.records.length - 1): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.records.length) {
      const message = `batch.done(${index}): the batch has records 0 to ${this.records.length - 1}.`
      throw new TidemarkError('INVALID_ARGUMENT', message, { topic: this.topic, partition: this.partition })
    }
    this.#prefix.doneAll(this.#fetched, index + 1)
  }

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    const { topic, partition, records } = this
    return { topic, partition, records }
  }

  /** @internal What `console.log` shows of it. */
  [SHOW](depth: number | null, options: InspectOptions): string {
    const fetched = this.#fetched
    const [firstOffset, lastOffset] = [fetched[0]?.offset, fetched.at(-1)?.offset]
    const fields = { records: fetched.length, firstOffset, lastOffset }
    return printed(`TopicBatch ${this.topic}-${this.partition}`, fields, depth, options)
  }

  get #fetched(): readonly FetchedRecord[] {
    return this.records as readonly unknown[] as readonly FetchedRecord[]
  }
}
