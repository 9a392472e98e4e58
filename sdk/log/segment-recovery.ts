import type { File, FileSystem } from '../environment/environment.ts'
import { FilePool } from '../environment/file-pool.ts'
import { ATTRIBUTES_AT, BATCH_HEADER_BYTES, LEADER_EPOCH_AT } from '../record/batch-header.ts'
import { crc32c } from '../record/crc32c.ts'
import { isSafeInt64 } from '../record/int64.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { UNTRUSTED_INDEX_BYTES } from './active-segment.ts'
import { BatchChain } from './batch-chain.ts'
import type { BatchWalker } from './batch-walker.ts'
import { EpochCheck } from './epoch-check.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { RecoveryReport } from './recovery.ts'
import type { Place, Segment } from './segment.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import { errnoOf } from './storage-error.ts'
import { isZero } from './zero-bytes.ts'

const COPY_BYTES = 1_048_576

export interface SegmentRecoveryOptions {
  /** Everything below was flushed: only headers are looked at. */
  readonly recoveryPoint: number
  /** The last segment of the log can have a torn tail; in others it is damage. */
  readonly isLast: boolean
  /** Everything was flushed: only the end is looked at, from the last index entry on. */
  readonly isClean: boolean
}

export interface RecoveredSegment {
  readonly file: File
  readonly indexes: SegmentIndexes
  readonly nextOffset: number
  /** The greatest timestamp of the first batch. */
  readonly firstTimestampMs: number | undefined
}

/** Brings one segment into a state that can be relied on. What it keeps is flushed on return. */
export class SegmentRecovery {
  readonly segment: Segment
  readonly #options: SegmentRecoveryOptions
  readonly #report: RecoveryReport
  readonly #check: EpochCheck
  readonly #indexes: SegmentIndexes
  #file: File | undefined
  #start: Place | undefined
  #firstTimestampMs: number | undefined
  /** Where the bytes begin that may not be on the disk yet; −1: nowhere. */
  #unflushed = -1

  constructor(segment: Segment, epochs: LeaderEpochs, options: SegmentRecoveryOptions & { report: RecoveryReport }) {
    this.segment = segment
    this.#options = options
    this.#report = options.report
    this.#check = new EpochCheck(epochs)
    this.#indexes = segment.emptyIndexes()
  }

  /** Opens the segment and finds where to begin: below, batches are trusted unseen. Returns the offset there. */
  begin(files: FileSystem): number {
    const segment = this.segment
    const indexes = this.#indexes
    const { isClean, recoveryPoint } = this.#options
    this.#file = FilePool.of(files).open(segment.path('.log'), { write: true })
    segment.hold(this.#file, indexes)
    const isTrusted = indexes.load() && (isClean || indexes.keepBefore(recoveryPoint, UNTRUSTED_INDEX_BYTES))
    if (isTrusted && segment.fitsLog(indexes)) {
      this.#start = segment.locate(Number.POSITIVE_INFINITY)
      this.#firstTimestampMs = segment.peek(0)?.maxTimestampMs
    } else {
      this.#start = segment.begin
      indexes.clear()
      if (isClean && segment.sizeBytes > 0) this.#report.rebuiltIndexes++
    }
    return this.#start.offset
  }

  /** `visit` is called with every batch that is looked at, in order. The caller closes the file. */
  run(visit: (batch: BatchWalker) => void): RecoveredSegment {
    const file = this.#file!
    const nextOffset = this.#settleEnd(file, this.#scan(visit))
    this.#mendEpochs(file)
    this.#flush(file)
    this.#storeIndexes()
    return { file, indexes: this.#indexes, nextOffset, firstTimestampMs: this.#firstTimestampMs }
  }

  /** After an error: lets the segment go. */
  abandon(): void {
    this.segment.letGo()
    this.#indexes.close()
    this.#file?.close()
  }

  #scan(visit: (batch: BatchWalker) => void): BatchChain {
    const { isClean, isLast, recoveryPoint } = this.#options
    const segment = this.segment
    const indexes = this.#indexes
    const start = this.#start!
    const verifyFrom = isClean ? start.offset : recoveryPoint
    const lastGapUpTo = isLast ? recoveryPoint : Number.POSITIVE_INFINITY
    const chain = new BatchChain(segment, start, { verifyFrom, lastGapUpTo })
    const { batch } = chain
    while (chain.next()) {
      if (batch.nextOffset > recoveryPoint && !isClean && this.#unflushed < 0) this.#unflushed = batch.position
      this.#firstTimestampMs ??= batch.maxTimestampMs
      this.#check.visit(batch)
      indexes.add(batch.position, batch.nextOffset - 1, batch.maxTimestampMs)
      visit(batch)
    }
    this.#check.finish()
    return chain
  }

  /** Decides what the bytes behind the last batch are: a torn tail is cut, damage stays. Returns where the log goes on. */
  #settleEnd(file: File, end: BatchChain): number {
    const segment = this.segment
    const { recoveryPoint, isLast } = this.#options
    if (!isLast) return end.offset
    const { position } = end.batch
    const tailBytes = segment.sizeBytes - position
    const wasFlushed = end.offset < recoveryPoint
    if (wasFlushed && this.#canBeWhole(file, position, end.offset)) {
      // These bytes were whole once, so they are not torn. What follows goes to a segment of its own.
      segment.limitOffset = recoveryPoint
      segment.passDamage(position, end.offset, end.problem ?? 'it is incomplete')
      return recoveryPoint
    }
    if (tailBytes > 0) {
      file.truncate(position)
      segment.sizeBytes = position
      this.#report.tornBytes += tailBytes
      this.#unflushed = this.#unflushed < 0 ? position : this.#unflushed
    }
    return end.offset
  }

  /** Whether a batch may have stood here that is damaged, rather than cut off. */
  #canBeWhole(file: File, position: number, offset: number): boolean {
    const { sizeBytes } = this.segment
    const header = Buffer.alloc(BATCH_HEADER_BYTES)
    if (position + BATCH_HEADER_BYTES > sizeBytes || file.read(header, position) < header.length) return false
    const batch = new RecordBatch(header)
    const isCut = isSafeInt64(header, 0) && batch.baseOffset === offset && position + batch.sizeBytes > sizeBytes
    if (isCut) return this.#isLengthWrong(file, position, batch.crc)
    return !isZero(file, position, sizeBytes)
  }

  /** The length is not under the CRC. A batch that says it is longer than the file may be whole all the same. */
  #isLengthWrong(file: File, position: number, crc: number): boolean {
    const covered = Buffer.allocUnsafe(this.segment.sizeBytes - position - ATTRIBUTES_AT)
    return file.read(covered, position + ATTRIBUTES_AT) === covered.length && crc32c(covered) === crc
  }

  #mendEpochs(file: File): void {
    for (const { position, epoch } of this.#check.mends) {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(epoch)
      file.write([bytes], position + LEADER_EPOCH_AT)
      this.#report.mendedEpochs++
      this.#unflushed = this.#unflushed < 0 ? position : Math.min(this.#unflushed, position)
    }
  }

  /**
   * Readers will see what is kept here, so it must be on the disk. Flushing alone does not tell: when an fsync fails, the
   * kernel forgets that the pages were never written, and the next fsync succeeds without them. So they are written again.
   */
  #flush(file: File): void {
    if (this.#unflushed < 0) return
    const chunk = Buffer.allocUnsafe(Math.min(COPY_BYTES, this.segment.sizeBytes - this.#unflushed))
    try {
      for (let at = this.#unflushed; at < this.segment.sizeBytes; ) {
        const bytes = chunk.subarray(0, file.read(chunk.subarray(0, this.segment.sizeBytes - at), at))
        if (bytes.length === 0) break
        file.write([bytes], at)
        at += bytes.length
      }
    } catch (error) {
      // A copy-on-write file system needs space even for this. The log must open on a full disk all the same.
      if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error
    }
    file.syncNow()
  }

  #storeIndexes(): void {
    if (!this.#options.isLast) this.#indexes.finish()
    try {
      this.#indexes.store()
    } catch {
      // They are in memory, and can be made again.
    }
  }
}
