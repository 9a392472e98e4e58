import {
  ATTRIBUTES_AT,
  BASE_TIMESTAMP_AT,
  BATCH_LENGTH_AT,
  CODEC_MASK,
  findHeaderProblem,
  LAST_OFFSET_DELTA_AT,
  LOG_OVERHEAD_BYTES,
  MAGIC,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
} from '../record/batch-header.ts'

const TWO_POW_32 = 0x1_0000_0000
/** An int64 whose upper half is between −this and this is exact as a number. */
const SAFE_UPPER_HALF = 0x1f_ffff
const SMALLEST_LENGTH = 49

/**
 * Header fields of batches in a buffer, for going through very many of them: by `DataView`, which is several times faster
 * than `RecordBatch`, and with no object per batch.
 */
export class BatchFields {
  bytes: Buffer = Buffer.alloc(0)
  private view = new DataView(this.bytes.buffer, this.bytes.byteOffset, 0)

  use(bytes: Buffer): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** What cannot be true about the 61 bytes at `start`, as `findHeaderProblem`, which is asked only in doubt. */
  findProblem(start: number): string | null {
    const { view } = this
    const lastOffsetDelta = view.getInt32(start + LAST_OFFSET_DELTA_AT)
    const count = view.getInt32(start + RECORD_COUNT_AT)
    const length = view.getInt32(start + BATCH_LENGTH_AT)
    const isPlain =
      view.getUint8(start + MAGIC_AT) === MAGIC &&
      length >= SMALLEST_LENGTH &&
      view.getUint32(start) < SAFE_UPPER_HALF &&
      this.isSafe(start + BASE_TIMESTAMP_AT) &&
      this.isSafe(start + MAX_TIMESTAMP_AT) &&
      this.isSafe(start + PRODUCER_ID_AT) &&
      lastOffsetDelta >= 0 &&
      count >= 0 &&
      count <= lastOffsetDelta + 1 &&
      (count * 7 <= length - SMALLEST_LENGTH || (view.getUint8(start + ATTRIBUTES_AT + 1) & CODEC_MASK) !== 0)
    return isPlain ? null : findHeaderProblem(this.bytes, start)
  }

  sizeBytes(start: number): number {
    return this.view.getInt32(start + BATCH_LENGTH_AT) + LOG_OVERHEAD_BYTES
  }

  baseOffset(start: number): number {
    return this.int64(start)
  }

  nextOffset(start: number): number {
    return this.int64(start) + this.view.getInt32(start + LAST_OFFSET_DELTA_AT) + 1
  }

  int32(at: number): number {
    return this.view.getInt32(at)
  }

  /** Only where `findProblem` had nothing to say is it exact. */
  int64(at: number): number {
    return this.view.getInt32(at) * TWO_POW_32 + this.view.getUint32(at + 4)
  }

  private isSafe(at: number): boolean {
    const upper = this.view.getInt32(at)
    return upper < SAFE_UPPER_HALF && upper > -SAFE_UPPER_HALF
  }
}
