import { isSafeInt64, readInt64 } from './int64.ts'

/**
 * The first 61 bytes of a record batch (magic 2), big-endian. The CRC covers everything from the attributes on, so the
 * base offset and the leader epoch, which only the owner of the log knows, can be stamped without a new one.
 *
 *   0 baseOffset i64 · 8 batchLength i32 (bytes behind this field) · 12 partitionLeaderEpoch i32 · 16 magic i8 · 17 crc u32
 *   21 attributes i16 · 23 lastOffsetDelta i32 · 27 baseTimestamp i64 · 35 maxTimestamp i64
 *   43 producerId i64 · 51 producerEpoch i16 · 53 baseSequence i32 · 57 recordsCount i32 · 61 records
 */
export const BATCH_HEADER_BYTES = 61
/** The part of a batch that `batchLength` does not count. */
export const LOG_OVERHEAD_BYTES = 12
export const MAGIC = 2

export const BATCH_LENGTH_AT = 8
export const LEADER_EPOCH_AT = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
export const ATTRIBUTES_AT = 21
export const LAST_OFFSET_DELTA_AT = 23
export const BASE_TIMESTAMP_AT = 27
export const MAX_TIMESTAMP_AT = 35
export const PRODUCER_ID_AT = 43
export const PRODUCER_EPOCH_AT = 51
export const BASE_SEQUENCE_AT = 53
export const RECORD_COUNT_AT = 57

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
export const DELETE_HORIZON_BIT = 0x40

/** Length, attributes, two deltas, two null lengths and no headers: one byte each. */
const SMALLEST_RECORD_BYTES = 7

/** Which attribute bits say it, in the words of Kafka's tools. */
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/**
 * What cannot be true about the 61 header bytes at `start`, or null. Needs no byte behind them. When it is null, every
 * field of the header can be read as a number and the offsets are a range.
 */
export function findHeaderProblem(bytes: Buffer, start: number): string | null {
  const sizeBytes = bytes.readInt32BE(start + BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
  if (sizeBytes < BATCH_HEADER_BYTES) return `it declares ${sizeBytes} bytes, fewer than its header has`
  const magic = bytes[start + MAGIC_AT]
  if (magic !== MAGIC) return `its format is magic ${magic}, not ${MAGIC}`
  for (const at of [0, BASE_TIMESTAMP_AT, MAX_TIMESTAMP_AT, PRODUCER_ID_AT]) {
    if (!isSafeInt64(bytes, start + at)) {
      return `its 64-bit field at byte ${at} is ${bytes.readBigInt64BE(start + at)}, beyond ±2^53`
    }
  }
  const baseOffset = readInt64(bytes, start)
  const lastOffsetDelta = bytes.readInt32BE(start + LAST_OFFSET_DELTA_AT)
  if (baseOffset < 0 || lastOffsetDelta < 0 || !Number.isSafeInteger(baseOffset + lastOffsetDelta + 1)) {
    return `its offsets, ${baseOffset} and ${lastOffsetDelta} more, are no range`
  }
  const count = bytes.readInt32BE(start + RECORD_COUNT_AT)
  if (count < 0 || count > lastOffsetDelta + 1) return `it declares ${count} records in ${lastOffsetDelta + 1} offsets`
  const compressed = (bytes[start + ATTRIBUTES_AT + 1]! & CODEC_MASK) !== 0
  if (!compressed && count * SMALLEST_RECORD_BYTES > sizeBytes - BATCH_HEADER_BYTES) {
    return `it declares ${count} records in ${sizeBytes} bytes`
  }
  return null
}
