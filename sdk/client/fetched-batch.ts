import type { RecordBatch } from '../record/record-batch.ts'
import type { RecordCursor, RecordHeader } from '../record/record-cursor.ts'
import { FetchedRecord } from './fetched-record.ts'
import type { ProcessedPrefix } from './processed.ts'
import type { Serde } from './serde.ts'

/** How a topic's records are decoded. */
export interface Serdes {
  readonly key: Serde<unknown, never>
  readonly value: Serde<unknown, never>
}

/** Which of a batch's offsets are wanted: a fetch answers whole batches, which may begin before and end behind them. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** One record batch while its records are handed out: what they have in common, and where the next one is. */
export class FetchedBatch {
  /** The partition, and what is processed of it. */
  readonly prefix: ProcessedPrefix
  readonly serdes: Serdes
  readonly leaderEpoch: number
  readonly nextOffset: number
  readonly baseTimestampMs: number
  private readonly cursor: RecordCursor
  private readonly from: number
  private readonly to: number

  /** @throws {TidemarkError} CORRUPT_BATCH, UNSUPPORTED_COMPRESSION */
  constructor(batch: RecordBatch, prefix: ProcessedPrefix, serdes: Serdes, wanted: OffsetRange) {
    this.cursor = batch.cursor()
    this.prefix = prefix
    this.serdes = serdes
    this.leaderEpoch = batch.partitionLeaderEpoch
    this.nextOffset = batch.nextOffset
    this.baseTimestampMs = batch.baseTimestampMs
    this.from = wanted.from
    this.to = wanted.to
  }

  get place(): { readonly topic: string; readonly partition: number } {
    return this.prefix
  }

  /** What the records' positions count in: the fetched bytes, or those a compressed batch was inflated to. */
  get recordBytes(): Buffer {
    return this.cursor.buffer
  }

  /** The next wanted record; undefined behind the last. @throws {TidemarkError} CORRUPT_BATCH */
  next(): FetchedRecord | undefined {
    const { cursor } = this
    while (cursor.next()) {
      if (cursor.offset < this.from) continue
      if (cursor.offset >= this.to) return undefined
      return new FetchedRecord(this, cursor)
    }
    return undefined
  }

  /** Headers of a record that was handed out earlier. The cursor's own position is made anew by its next `next()`. */
  headersAt(start: number, count: number): readonly RecordHeader[] {
    this.cursor.headersStart = start
    this.cursor.headerCount = count
    return this.cursor.headers()
  }
}
