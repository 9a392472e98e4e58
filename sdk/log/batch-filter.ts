import { BatchBuilder, encodeBatch } from '../record/batch-builder.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import type { RecordCursor } from '../record/record-cursor.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { KeyOffsets } from './key-offsets.ts'
import type { ProducerEntry } from './producer-state.ts'
import type { TimeSlices } from './time-slices.ts'

export interface BatchFilterOptions {
  readonly newest: KeyOffsets
  /** `newest` knows nothing of records from here on, so they stay. */
  readonly mappedOffset: number
  readonly transactions: CleanedTransactions
  /** What is remembered of a producer, if it is not forgotten yet. */
  readonly producer: (producerId: number) => ProducerEntry | undefined
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly slices: TimeSlices
}

/**
 * What compaction leaves of one batch. Kafka's rules: the newest record of each key stays, a tombstone until its batch's
 * delete horizon, which the first pass that sees it sets; offsets, sequences, epochs and the range of the batch never
 * change. A batch that loses nothing stays byte for byte.
 */
export class BatchFilter {
  readonly #options: BatchFilterOptions
  /** By position in the batch: 1 for a record that stays. */
  #stays = new Uint8Array(1024)
  #count = 0
  #keeps = 0
  #hasTombstone = false

  constructor(options: BatchFilterOptions) {
    this.#options = options
  }

  /**
   * The batch as it is to be written: itself, a smaller one, an empty one, or undefined where it goes altogether.
   * `mustStay`: empty rather than gone, so that the log does not seem to end before it. Throws CORRUPT_BATCH.
   */
  async filter(batch: RecordBatch, mustStay: boolean): Promise<Buffer | undefined> {
    const { transactions, nowMs, deleteRetentionMs } = this.#options
    const { isControl, deleteHorizonMs } = batch
    const canGo = isControl ? transactions.isMarkerOfNothing(batch) : transactions.isAborted(batch)
    const staysEmpty = mustStay || this.#isLastOfProducer(batch)
    const goes = isControl ? canGo && deleteHorizonMs !== null && deleteHorizonMs <= nowMs : canGo
    if (goes) return staysEmpty ? emptied(batch) : undefined
    if (isControl) this.#keepAll(batch)
    else await this.#judge(batch)
    if (this.#keeps === 0) return staysEmpty ? emptied(batch) : undefined
    const needsHorizon = deleteHorizonMs === null && (this.#hasTombstone || (isControl && canGo))
    if (this.#keeps === this.#count && !needsHorizon) return batch.bytes
    const horizonMs = needsHorizon ? nowMs + deleteRetentionMs : deleteHorizonMs
    return await this.#rebuild(batch, horizonMs ?? undefined)
  }

  /** What the next sequence of a living producer, and whether it was fenced, is told from. */
  #isLastOfProducer(batch: RecordBatch): boolean {
    const { producerId } = batch
    const entry = producerId < 0 ? undefined : this.#options.producer(producerId)
    if (entry === undefined) return false
    if (entry.lastOffset >= 0) return batch.lastOffset === entry.lastOffset
    return batch.isControl && batch.producerEpoch === entry.producerEpoch
  }

  #keepAll(batch: RecordBatch): void {
    this.#count = batch.recordCount
    this.#keeps = this.#count
    this.#hasTombstone = false
    this.#reserve(this.#count)
    this.#stays.fill(1, 0, this.#count)
  }

  async #judge(batch: RecordBatch): Promise<void> {
    const { slices, nowMs } = this.#options
    const { deleteHorizonMs, recordCount } = batch
    const dropsTombstones = deleteHorizonMs !== null && nowMs >= deleteHorizonMs
    this.#reserve(recordCount)
    this.#count = 0
    this.#keeps = 0
    this.#hasTombstone = false
    const cursor = batch.cursor()
    while (cursor.next()) {
      const stays = this.#isKept(cursor, dropsTombstones)
      this.#stays[this.#count++] = stays ? 1 : 0
      if (stays) {
        this.#keeps++
        this.#hasTombstone ||= cursor.valueStart < 0
      }
      if (slices.isDue()) await slices.rest()
    }
  }

  #isKept(cursor: RecordCursor, dropsTombstones: boolean): boolean {
    const { newest, mappedOffset } = this.#options
    if (cursor.offset >= mappedOffset) return true
    if (cursor.keyStart < 0) return false
    if (dropsTombstones && cursor.valueStart < 0) return false
    return cursor.offset >= newest.get(cursor.buffer, cursor.keyStart, cursor.keyEnd)
  }

  async #rebuild(batch: RecordBatch, deleteHorizonMs: number | undefined): Promise<Buffer> {
    const { slices } = this.#options
    const builder = new BatchBuilder({ codec: batch.codec, deleteHorizonMs })
    const cursor = batch.cursor()
    const { baseOffset } = batch
    for (let at = 0; cursor.next(); at++) {
      if (this.#stays[at] === 1) {
        builder.append(cursor.key(), cursor.value(), cursor.headers(), cursor.timestampMs, cursor.offset - baseOffset)
      }
      if (slices.isDue()) await slices.rest()
    }
    const maxTimestampMs = batch.timestampType === 'LogAppendTime' ? batch.maxTimestampMs : undefined
    return builder.build({ ...unchanged(batch), maxTimestampMs })
  }

  #reserve(count: number): void {
    if (this.#stays.length < count) this.#stays = new Uint8Array(count * 2)
  }
}

/** Everything of a batch that compaction must not touch. */
function unchanged(batch: RecordBatch) {
  const { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence } = batch
  const { isTransactional, isControl, timestampType, lastOffsetDelta } = batch
  return {
    baseOffset,
    partitionLeaderEpoch,
    producerId,
    producerEpoch,
    baseSequence,
    isTransactional,
    isControl,
    timestampType,
    lastOffsetDelta,
  }
}

/** The header alone: its offsets and sequences are still told. */
function emptied(batch: RecordBatch): Buffer {
  return encodeBatch([], { ...unchanged(batch), maxTimestampMs: batch.maxTimestampMs })
}
