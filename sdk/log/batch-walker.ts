import type { File } from '../environment/environment.ts'
import {
  ATTRIBUTES_AT,
  BATCH_HEADER_BYTES,
  CONTROL_BIT,
  CRC_AT,
  LEADER_EPOCH_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
} from '../record/batch-header.ts'
import { crc32c } from '../record/crc32c.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { BatchFields } from './batch-fields.ts'

/** Small batches: many headers come with one read. */
const CHUNK_BYTES = 65_536
/** Large batches: a read brings one header, so it should bring little else. */
const SPARSE_CHUNK_BYTES = 512
const LARGE_BATCH_BYTES = 16_384

export interface WalkOptions {
  readonly start: number
  /** Bytes of the file from here on do not count. */
  readonly end: number
  /** Whole batches will be asked for, so they are read at once. */
  readonly whole?: boolean
}

/**
 * Walks the headers of a segment file, batch by batch, without allocating: after `next()` the fields tell about the
 * batch. Headers are checked for what cannot be true; CRCs only when asked.
 */
export class BatchWalker {
  /** Of the batch; once `next()` is false, where the walk ended. */
  position: number
  sizeBytes = 0
  baseOffset = -1
  nextOffset = -1
  leaderEpoch = -1
  maxTimestampMs = -1
  producerId = -1
  recordCount = 0
  isControl = false
  /** Why the walk ended before `end`: for people. Undefined while it goes on and when it ended at `end`. */
  problem: string | undefined

  private readonly file: File
  private readonly end: number
  private readonly whole: boolean
  private headerOnly = false
  private nextPosition: number
  private readonly fields = new BatchFields()
  private chunkStart = 0
  private chunkEnd = 0

  constructor(file: File, options: WalkOptions) {
    this.file = file
    this.end = options.end
    this.whole = options.whole === true
    this.position = options.start
    this.nextPosition = options.start
  }

  /** Moves to the next batch. False at the end or at something that is no batch: then `problem` says what. */
  next(): boolean {
    const position = this.nextPosition
    this.position = position
    this.problem = undefined
    const remaining = this.end - position
    if (remaining <= 0) return false
    if (remaining < BATCH_HEADER_BYTES || !this.load(position, BATCH_HEADER_BYTES)) {
      return this.stop(`${Math.max(0, remaining)} bytes are too few for a batch`)
    }
    const { fields } = this
    const start = position - this.chunkStart
    const problem = fields.findProblem(start)
    if (problem !== null) return this.stop(problem)
    const sizeBytes = fields.sizeBytes(start)
    if (sizeBytes > remaining && !this.headerOnly) {
      return this.stop(`it declares ${sizeBytes} bytes, ${remaining} are there`)
    }
    this.sizeBytes = sizeBytes
    this.baseOffset = fields.baseOffset(start)
    this.nextOffset = fields.nextOffset(start)
    this.leaderEpoch = fields.int32(start + LEADER_EPOCH_AT)
    this.maxTimestampMs = fields.int64(start + MAX_TIMESTAMP_AT)
    this.producerId = fields.int64(start + PRODUCER_ID_AT)
    this.recordCount = fields.int32(start + RECORD_COUNT_AT)
    this.isControl = (fields.bytes[start + ATTRIBUTES_AT + 1]! & CONTROL_BIT) !== 0
    this.nextPosition = position + sizeBytes
    return true
  }

  /** Like `next`, when only the header has to be there: `end` may lie inside the batch. */
  peek(): boolean {
    this.headerOnly = true
    return this.next()
  }

  /** Goes on with the batch at `position`. */
  seek(position: number): void {
    this.nextPosition = position
  }

  /** The batch as a view of which nothing but the header may be asked, good until the walk goes on. */
  header(): RecordBatch {
    return new RecordBatch(this.fields.bytes, this.position - this.chunkStart)
  }

  /** The whole batch as a view that is good until the walk goes on. */
  batch(): RecordBatch {
    if (!this.load(this.position, this.sizeBytes)) {
      // Cut off while it was being read: what is left cannot be valid.
      return new RecordBatch(Buffer.alloc(BATCH_HEADER_BYTES))
    }
    return new RecordBatch(this.fields.bytes, this.position - this.chunkStart)
  }

  /** What is wrong with the bytes of the batch, if its CRC says so. */
  findProblem(): string | undefined {
    if (!this.load(this.position, this.sizeBytes)) return 'the file ends inside it'
    const { fields } = this
    const start = this.position - this.chunkStart
    const declared = fields.int32(start + CRC_AT) >>> 0
    const crc = crc32c(fields.bytes.subarray(start + ATTRIBUTES_AT, start + this.sizeBytes))
    return crc === declared ? undefined : `its CRC is ${declared}, its bytes give ${crc}`
  }

  private stop(problem: string): false {
    this.problem = problem
    return false
  }

  /** Has bytes `position` … `position + count` in the chunk; false when the file does not have them. */
  private load(position: number, count: number): boolean {
    if (position >= this.chunkStart && position + count <= this.chunkEnd) return true
    const usual = !this.whole && this.sizeBytes > LARGE_BATCH_BYTES ? SPARSE_CHUNK_BYTES : CHUNK_BYTES
    const wanted = Math.max(count, Math.min(usual, this.end - position))
    const { fields } = this
    if (fields.bytes.length < wanted) fields.use(Buffer.allocUnsafe(wanted))
    const bytes = this.file.read(fields.bytes.subarray(0, wanted), position)
    this.chunkStart = position
    this.chunkEnd = position + bytes
    return bytes >= count
  }
}
