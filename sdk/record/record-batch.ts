import { type ErrorPlace, TidemarkError } from '../errors.ts'
import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_AT,
  CODEC_MASK,
  CONTROL_BIT,
  CRC_AT,
  DELETE_HORIZON_BIT,
  findHeaderProblem,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD_BYTES,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  type TimestampType,
  TRANSACTIONAL_BIT,
} from './batch-header.ts'
import { CODECS, type CodecName, decompress, MAX_DECOMPRESSED_BYTES } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { readInt64 } from './int64.ts'
import { RecordCursor, type RecordHeader } from './record-cursor.ts'

export { BATCH_HEADER_BYTES, LOG_OVERHEAD_BYTES } from './batch-header.ts'

/** One record; key, value and header values are views into the batch (or into what it was decompressed to). */
export interface LogRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/**
 * A lazy view of one record batch in `bytes` at `start`: nothing is read before it is asked for, nothing is copied.
 * At least the 61 header bytes must be there (else CORRUPT_BATCH), which is enough for every header field.
 * Getters of 64-bit fields throw CORRUPT_BATCH beyond ±2^53.
 */
export class RecordBatch {
  private readonly buffer: Buffer
  private readonly start: number
  /** Set once the header and the CRC have been checked, so that they are checked once. */
  private checked = false

  constructor(bytes: Buffer, start = 0) {
    this.buffer = bytes
    this.start = start
    if (start < 0 || bytes.length - start < BATCH_HEADER_BYTES) {
      throw new TidemarkError('CORRUPT_BATCH', `A batch header has ${BATCH_HEADER_BYTES} bytes; it is cut off.`)
    }
  }

  /** Exactly this batch, as a view. Throws CORRUPT_BATCH when not all of it is there. */
  get bytes(): Buffer {
    const end = this.start + this.sizeBytes
    if (this.sizeBytes < BATCH_HEADER_BYTES || end > this.buffer.length) throw this.corrupt(this.sizeProblem())
    return this.buffer.subarray(this.start, end)
  }

  /** Bytes of the whole batch, as it declares. */
  get sizeBytes(): number {
    return this.buffer.readInt32BE(this.start + BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
  }

  get baseOffset(): number {
    return readInt64(this.buffer, this.start, 'The base offset of a batch')
  }

  /** The last offset the batch occupies, whether or not a record is left there. */
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  get nextOffset(): number {
    return this.lastOffset + 1
  }

  /** −1 when the batch has no owner yet. */
  get partitionLeaderEpoch(): number {
    return this.buffer.readInt32BE(this.start + LEADER_EPOCH_AT)
  }

  get magic(): number {
    return this.buffer.readInt8(this.start + MAGIC_AT)
  }

  /** The CRC-32C the batch declares. */
  get crc(): number {
    return this.buffer.readUInt32BE(this.start + CRC_AT)
  }

  get attributes(): number {
    return this.buffer.readInt16BE(this.start + ATTRIBUTES_AT)
  }

  /** Throws UNSUPPORTED_COMPRESSION for a number no Kafka up to 4.3 uses. */
  get codec(): CodecName {
    const id = this.attributes & CODEC_MASK
    const codec = CODECS[id]
    if (codec !== undefined) return codec
    throw new TidemarkError('UNSUPPORTED_COMPRESSION', `The batch at offset ${this.baseOffset} uses codec ${id}.`)
  }

  get timestampType(): TimestampType {
    return this.attributes & LOG_APPEND_TIME_BIT ? 'LogAppendTime' : 'CreateTime'
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0
  }

  /** Control batches occupy offsets; their records are never handed to applications. */
  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0
  }

  /** After this time compaction may remove the batch's tombstones and markers; null when none is set. */
  get deleteHorizonMs(): number | null {
    return this.attributes & DELETE_HORIZON_BIT ? this.baseTimestampMs : null
  }

  get lastOffsetDelta(): number {
    return this.buffer.readInt32BE(this.start + LAST_OFFSET_DELTA_AT)
  }

  /** What the records' timestamps are relative to: the first one's, or the delete horizon. −1 in an empty batch. */
  get baseTimestampMs(): number {
    return readInt64(this.buffer, this.start + BASE_TIMESTAMP_AT, 'The base timestamp of a batch')
  }

  get maxTimestampMs(): number {
    return readInt64(this.buffer, this.start + MAX_TIMESTAMP_AT, 'The max timestamp of a batch')
  }

  /** −1 when the producer is not idempotent. */
  get producerId(): number {
    return readInt64(this.buffer, this.start + PRODUCER_ID_AT, 'The producer id of a batch')
  }

  get producerEpoch(): number {
    return this.buffer.readInt16BE(this.start + PRODUCER_EPOCH_AT)
  }

  get baseSequence(): number {
    return this.buffer.readInt32BE(this.start + BASE_SEQUENCE_AT)
  }

  /** Records that are there: fewer than offsets after compaction. */
  get recordCount(): number {
    return this.buffer.readInt32BE(this.start + RECORD_COUNT_AT)
  }

  /** What is wrong with the batch, or null: its header and, unless 'header' is enough, its length and CRC. */
  findProblem(verify: 'crc' | 'header' = 'crc'): string | null {
    if (this.checked) return null
    const problem = findHeaderProblem(this.buffer, this.start)
    if (problem !== null || verify === 'header') return problem
    const end = this.start + this.sizeBytes
    if (end > this.buffer.length) return this.sizeProblem()
    const crc = crc32c(this.buffer.subarray(this.start + ATTRIBUTES_AT, end))
    if (crc !== this.crc) return `its CRC is ${this.crc}, its bytes give ${crc}`
    this.checked = true
    return null
  }

  /** Whether header, length and CRC are right. */
  isValid(): boolean {
    return this.findProblem() === null
  }

  /** Throws CORRUPT_BATCH, with `place` and what is wrong, unless `isValid()`. */
  checkValid(place: ErrorPlace = {}): void {
    const problem = this.findProblem()
    if (problem !== null) throw this.corrupt(problem, place)
  }

  /** Walks the records without allocating. Checks the batch first, if that was not done; throws CORRUPT_BATCH. */
  cursor(maxDecompressedBytes: number = MAX_DECOMPRESSED_BYTES): RecordCursor {
    this.checkValid()
    const { baseOffset, codec, recordCount: count } = this
    let buffer = this.buffer
    let start = this.start + BATCH_HEADER_BYTES
    let end = this.start + this.sizeBytes
    if (codec !== 'none' && count > 0) {
      buffer = this.decompress(codec, buffer.subarray(start, end), maxDecompressedBytes)
      start = 0
      end = buffer.length
    }
    return new RecordCursor({
      buffer,
      start,
      end,
      count,
      baseOffset,
      lastOffsetDelta: this.lastOffsetDelta,
      baseTimestampMs: this.baseTimestampMs,
      logAppendTimeMs: this.timestampType === 'LogAppendTime' ? this.maxTimestampMs : null,
    })
  }

  /** Every record. Checks the batch first, if that was not done; throws CORRUPT_BATCH. */
  records(): LogRecord[] {
    const records: LogRecord[] = []
    const cursor = this.cursor()
    while (cursor.next()) {
      const { offset, timestampMs } = cursor
      records.push({ offset, timestampMs, key: cursor.key(), value: cursor.value(), headers: cursor.headers() })
    }
    return records
  }

  private decompress(codec: CodecName, bytes: Buffer, maxBytes: number): Buffer {
    try {
      return decompress(codec, bytes, maxBytes)
    } catch (error) {
      if (error instanceof TidemarkError && error.code === 'CORRUPT_BATCH') throw this.corrupt(error.message)
      throw error
    }
  }

  private sizeProblem(): string {
    return `it declares ${this.sizeBytes} bytes where ${this.buffer.length - this.start} are`
  }

  private corrupt(reason: string, place: ErrorPlace = {}): TidemarkError {
    // The base offset is read as it is: an error must not fail on the field it complains about.
    const baseOffset = Number(this.buffer.readBigInt64BE(this.start))
    const where = place.topic === undefined ? '' : ` of ${place.topic}-${place.partition}`
    const message = `The batch at offset ${baseOffset}${where} is damaged: ${reason}.`
    return new TidemarkError('CORRUPT_BATCH', message, { offset: baseOffset, ...place })
  }
}
