import { assert } from '../assert.ts'
import { TidemarkError } from '../errors.ts'
import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_AT,
  CONTROL_BIT,
  CRC_AT,
  DELETE_HORIZON_BIT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD_BYTES,
  MAGIC,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  type TimestampType,
  TRANSACTIONAL_BIT,
} from './batch-header.ts'
import { CODECS, type CodecName, compress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import type { Header } from './header.ts'
import { writeInt64 } from './int64.ts'
import {
  uvarintSize,
  VARINT_MAX_BYTES,
  VARLONG_MAX_BYTES,
  varintSize,
  varlongSize,
  writeUvarint,
  writeVarint,
  writeVarlong,
} from './varint.ts'

export interface BatchBuilderOptions {
  /** Default 'none'. */
  readonly codec?: CodecName | undefined
  /** A record that would make the uncompressed batch larger is refused. Default 2^31 − 1: what a batch can declare. */
  readonly maxBytes?: number | undefined
  /** Compaction only: when tombstones may go. Timestamps are then relative to it, so it is needed from the start. */
  readonly deleteHorizonMs?: number | undefined
}

export interface BuildOptions {
  /** Default 0: the log's owner stamps it. */
  readonly baseOffset?: number | undefined
  /** Default −1: the log's owner stamps it. */
  readonly partitionLeaderEpoch?: number | undefined
  /** Default −1, as are its epoch and sequence: no idempotent producer. */
  readonly producerId?: number | undefined
  readonly producerEpoch?: number | undefined
  readonly baseSequence?: number | undefined
  readonly isTransactional?: boolean | undefined
  readonly isControl?: boolean | undefined
  /** Default 'CreateTime'. */
  readonly timestampType?: TimestampType | undefined
  /** Default: the last record's. More where compaction removed the last records. */
  readonly lastOffsetDelta?: number | undefined
  /** Default: the greatest of the records; −1 without any. */
  readonly maxTimestampMs?: number | undefined
  /** Default true. Not computed where `stampProducer` is going to. */
  readonly hasCrc?: boolean | undefined
}

/** What `encodeBatch` takes. */
export interface RecordInput {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly Header[] | undefined
  /** Default −1: none. */
  readonly timestampMs?: number | undefined
  /** Default: one more than the record before. */
  readonly offsetDelta?: number | undefined
}

/** What a batch can declare as its length. */
const BATCH_MAX_BYTES = 0x7fff_ffff
/** Enough for a commit; small enough to come from Node's pool. */
const FIRST_CAPACITY_BYTES = 1024
/** −1 zigzagged: the length of null. */
const VARINT_MINUS_ONE = 1
/** A loop copies a byte in about 1 ns, a call of `set` takes 16 ns up to a few hundred bytes. */
const COPY_LOOP_MAX_BYTES = 8

/**
 * Encodes records into one batch, straight into a buffer that grows and is used again after `reset()`.
 * The bytes are those Kafka's Java client writes for the same records.
 */
export class BatchBuilder {
  private readonly codec: CodecName
  private readonly maxBytes: number
  private readonly deleteHorizonMs: number | undefined
  private buffer: Buffer
  private position = BATCH_HEADER_BYTES
  private recordCount = 0
  private lastOffsetDelta = -1
  private baseTimestampMs = -1
  private maxTimestampMs = -1

  constructor(options: BatchBuilderOptions = {}) {
    this.codec = options.codec ?? 'none'
    this.maxBytes = Math.min(options.maxBytes ?? BATCH_MAX_BYTES, BATCH_MAX_BYTES)
    this.deleteHorizonMs = options.deleteHorizonMs
    // Never larger than allowed: so the one comparison of every append, with the buffer's end, checks the limit too.
    this.buffer = Buffer.allocUnsafe(Math.max(BATCH_HEADER_BYTES, Math.min(FIRST_CAPACITY_BYTES, this.maxBytes)))
  }

  /** Bytes of the batch so far, before compression. */
  get sizeBytes(): number {
    return this.position
  }

  get count(): number {
    return this.recordCount
  }

  /** An upper bound of what `append` adds to `sizeBytes`. */
  estimateBytes(key: Uint8Array | null, value: Uint8Array | null, headers?: readonly Header[]): number {
    let bytes = 1 + VARLONG_MAX_BYTES + 5 * VARINT_MAX_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
    if (headers === undefined) return bytes
    for (const header of headers) {
      bytes += 2 * VARINT_MAX_BYTES + Buffer.byteLength(header.key) + (header.value?.length ?? 0)
    }
    return bytes
  }

  /**
   * Adds a record. `offsetDelta` is one more than the record before unless given (compaction leaves gaps).
   * Throws MESSAGE_TOO_LARGE, and adds nothing, when the batch would exceed `maxBytes`.
   */
  append(
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[] | undefined,
    timestampMs: number,
    offsetDelta: number = this.lastOffsetDelta + 1,
  ): void {
    assert(offsetDelta > this.lastOffsetDelta, 'offsets of a batch go up')
    if (this.recordCount === 0) {
      assert(Number.isSafeInteger(timestampMs), 'a timestamp is a safe integer')
      this.baseTimestampMs = this.deleteHorizonMs ?? timestampMs
      this.maxTimestampMs = timestampMs
    }
    const timestampDelta = timestampMs - this.baseTimestampMs
    assert(Number.isSafeInteger(timestampDelta), 'a timestamp differs from its base by a safe integer')
    const timestampDelta32 = timestampDelta | 0
    const fits32 = timestampDelta32 === timestampDelta
    const hasHeaders = headers !== undefined && headers.length > 0
    // Lengths and offset deltas are never negative: zigzag only doubles them.
    const length =
      1 +
      (fits32 ? varintSize(timestampDelta32) : varlongSize(timestampDelta)) +
      uvarintSize(offsetDelta * 2) +
      bytesSize(key) +
      bytesSize(value) +
      (hasHeaders ? headersSize(headers) : 1)
    const end = this.position + uvarintSize(length * 2) + length
    if (end > this.buffer.length) this.grow(end)

    const { buffer } = this
    let position = writeUvarint(buffer, this.position, length * 2)
    buffer[position++] = 0
    position = fits32 ? writeVarint(buffer, position, timestampDelta32) : writeVarlong(buffer, position, timestampDelta)
    position = writeUvarint(buffer, position, offsetDelta * 2)
    position = writeBytes(buffer, position, key)
    position = writeBytes(buffer, position, value)
    if (hasHeaders) position = writeHeaders(buffer, position, headers)
    else buffer[position++] = 0
    assert(position === end, 'a record has the size that was computed')

    this.position = end
    this.recordCount++
    this.lastOffsetDelta = offsetDelta
    if (timestampMs > this.maxTimestampMs) this.maxTimestampMs = timestampMs
  }

  /**
   * The batch as bytes of its own; the builder keeps its records until `reset()`. Copying them costs no more than a new
   * buffer for the next batch would: fresh pages are as slow as the copy (measured at 1 MiB).
   */
  build(options: BuildOptions = {}): Buffer {
    const records = this.buffer.subarray(BATCH_HEADER_BYTES, this.position)
    const isCompressed = this.recordCount > 0 && this.codec !== 'none'
    const payload = isCompressed ? compress(this.codec, records) : records
    const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payload.length)
    batch.set(payload, BATCH_HEADER_BYTES)
    this.writeHeader(batch, isCompressed ? CODECS.indexOf(this.codec) : 0, options)
    return batch
  }

  /** Forgets the records and keeps the memory. */
  reset(): void {
    this.position = BATCH_HEADER_BYTES
    this.recordCount = 0
    this.lastOffsetDelta = -1
  }

  private writeHeader(batch: Buffer, codec: number, options: BuildOptions): void {
    const isEmpty = this.recordCount === 0
    const lastOffsetDelta = options.lastOffsetDelta ?? this.lastOffsetDelta
    assert(lastOffsetDelta >= Math.max(0, this.lastOffsetDelta), 'a batch has an offset and ends at its last record')
    let attributes = codec
    if (options.timestampType === 'LogAppendTime') attributes |= LOG_APPEND_TIME_BIT
    if (options.isTransactional) attributes |= TRANSACTIONAL_BIT
    if (options.isControl) attributes |= CONTROL_BIT
    if (this.deleteHorizonMs !== undefined) attributes |= DELETE_HORIZON_BIT
    writeInt64(batch, 0, options.baseOffset ?? 0)
    batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, BATCH_LENGTH_AT)
    batch.writeInt32BE(options.partitionLeaderEpoch ?? -1, LEADER_EPOCH_AT)
    batch[MAGIC_AT] = MAGIC
    batch.writeInt16BE(attributes, ATTRIBUTES_AT)
    batch.writeInt32BE(lastOffsetDelta, LAST_OFFSET_DELTA_AT)
    writeInt64(batch, BASE_TIMESTAMP_AT, isEmpty ? (this.deleteHorizonMs ?? -1) : this.baseTimestampMs)
    writeInt64(batch, MAX_TIMESTAMP_AT, options.maxTimestampMs ?? (isEmpty ? -1 : this.maxTimestampMs))
    writeInt64(batch, PRODUCER_ID_AT, options.producerId ?? -1)
    batch.writeInt16BE(options.producerEpoch ?? -1, PRODUCER_EPOCH_AT)
    batch.writeInt32BE(options.baseSequence ?? -1, BASE_SEQUENCE_AT)
    batch.writeInt32BE(this.recordCount, RECORD_COUNT_AT)
    if (options.hasCrc !== false) batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT)
  }

  private grow(needed: number): void {
    if (needed > this.maxBytes) {
      throw new TidemarkError(
        'MESSAGE_TOO_LARGE',
        `The record makes its batch ${needed} bytes, ${this.maxBytes} are allowed. Send less, or raise the limit.`,
      )
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, this.buffer.length * 2), this.maxBytes))
    this.buffer.copy(grown, 0, 0, this.position)
    this.buffer = grown
  }
}

/** One batch of `records`. An empty one, as compaction leaves it, needs `lastOffsetDelta`. */
export function encodeBatch(records: readonly RecordInput[], options: BatchBuilderOptions & BuildOptions = {}): Buffer {
  const builder = new BatchBuilder(options)
  for (const record of records) {
    builder.append(record.key, record.value, record.headers, record.timestampMs ?? -1, record.offsetDelta)
  }
  return builder.build(options)
}

function bytesSize(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : uvarintSize(bytes.length * 2) + bytes.length
}

function headersSize(headers: readonly Header[]): number {
  let size = uvarintSize(headers.length * 2)
  for (const header of headers) {
    const keyLength = Buffer.byteLength(header.key)
    size += uvarintSize(keyLength * 2) + keyLength + bytesSize(header.value)
  }
  return size
}

function writeBytes(buffer: Buffer, start: number, bytes: Uint8Array | null): number {
  if (bytes === null) {
    buffer[start] = VARINT_MINUS_ONE
    return start + 1
  }
  const { length } = bytes
  const position = writeUvarint(buffer, start, length * 2)
  if (length > COPY_LOOP_MAX_BYTES) buffer.set(bytes, position)
  else for (let index = 0; index < length; index++) buffer[position + index] = bytes[index]!
  return position + length
}

function writeHeaders(buffer: Buffer, start: number, headers: readonly Header[]): number {
  let position = writeUvarint(buffer, start, headers.length * 2)
  for (const header of headers) {
    position = writeUvarint(buffer, position, Buffer.byteLength(header.key) * 2)
    position += buffer.write(header.key, position, 'utf8')
    position = writeBytes(buffer, position, header.value)
  }
  return position
}
