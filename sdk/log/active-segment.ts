import { assert } from '../assert.ts'
import type { File, FileSystem } from '../environment/environment.ts'
import { FilePool } from '../environment/file-pool.ts'
import { TidemarkError } from '../errors.ts'
import type { Segment } from './segment.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import { errnoOf } from './storage-error.ts'

/** Index entries that may wait in memory: they save a call per batch, and can be made again from the log. */
const MAX_PENDING_ENTRIES = 128

/**
 * After this many bytes the indexes are flushed together with the log. So recovery can trust the entries of an unfinished
 * segment but for the last `UNTRUSTED_INDEX_BYTES` before the recovery point, and walks only those headers.
 */
const INDEX_SYNC_BYTES = 8_388_608
export const UNTRUSTED_INDEX_BYTES = 2 * INDEX_SYNC_BYTES

/** About 20 ms of a disk: with durable sends there is never more than what is on its way. */
const FLUSH_AT_ROLL_MAX_BYTES = 8_388_608

/** A segment with its descriptor for writing: the last one of a log, and those before it whose bytes are not flushed yet. */
export class ActiveSegment {
  readonly segment: Segment
  readonly indexes: SegmentIndexes
  /** When it was made, for rolling by time where batches have no timestamps. */
  readonly createdMs: number
  /** The greatest timestamp of the first batch; undefined while there is none. */
  firstTimestampMs: number | undefined
  /** Set when nobody can say any more what the file holds: nothing may be written to it again. */
  isBroken = false
  isClosed = false
  private readonly file: File
  private syncedBytes: number
  private isSealed = false
  /** Whether that was so when the segment was sealed. */
  private areIndexesSynced = false
  private cuts = 0
  /** What the indexes on the disk cover. */
  private indexSyncedBytes = 0

  constructor(
    segment: Segment,
    writer: { file: File; indexes: SegmentIndexes; createdMs: number; firstTimestampMs: number | undefined },
  ) {
    this.segment = segment
    this.file = writer.file
    this.indexes = writer.indexes
    this.createdMs = writer.createdMs
    this.firstTimestampMs = writer.firstTimestampMs
    this.syncedBytes = segment.sizeBytes
    segment.hold(this.file, this.indexes)
  }

  /** Makes the file of a new, empty segment. Throws OWNERSHIP_LOST where there is one. */
  static create(files: FileSystem, segment: Segment, nowMs: number): ActiveSegment {
    const path = segment.path('.log')
    if (files.stat(path) !== undefined) {
      throw new TidemarkError('OWNERSHIP_LOST', `${path} exists already: another process writes to this directory.`)
    }
    const file = FilePool.of(files).open(path, { write: true, create: true })
    const indexes = segment.emptyIndexes()
    indexes.clear()
    return new ActiveSegment(segment, { file, indexes, createdMs: nowMs, firstTimestampMs: undefined })
  }

  /**
   * Writes stamped batches behind the last one; the kernel has them on return. Throws OWNERSHIP_LOST when the file has not
   * the size it should have; on any other error the file is as it was before, or `isBroken` is set.
   */
  append(batches: Buffer): void {
    const { file, segment } = this
    assert(!this.isSealed && !this.isBroken, 'an append to a segment that is full or broken')
    const position = segment.sizeBytes
    const sizeBytes = file.sizeBytes()
    if (sizeBytes !== position) {
      this.isBroken = true
      const sizes = `has ${sizeBytes} bytes where this process left ${position}`
      const message = `${segment.path('.log')} ${sizes}: another process writes to this directory. Nothing was written.`
      throw new TidemarkError('OWNERSHIP_LOST', message)
    }
    try {
      file.write([batches], position)
    } catch (error) {
      this.cut(position)
      throw error
    }
    segment.sizeBytes = position + batches.length
  }

  /** A batch that was appended, for the indexes. */
  note(position: number, lastOffset: number, maxTimestampMs: number): void {
    this.firstTimestampMs ??= maxTimestampMs
    this.indexes.add(position, lastOffset, maxTimestampMs)
    if (this.indexes.pending >= MAX_PENDING_ENTRIES) this.tryStoreIndexes()
  }

  /** Whether something waits for `sync`. */
  get isDirty(): boolean {
    return this.syncedBytes < this.segment.sizeBytes || (this.isSealed && !this.areIndexesSynced)
  }

  /** Resolves when everything appended before the call survives a power loss; for a sealed segment its indexes too. */
  async sync(): Promise<void> {
    const upTo = this.segment.sizeBytes
    const { cuts } = this
    try {
      await this.file.sync()
    } catch (error) {
      // Closed before its turn came: deleted, or given up.
      if (!this.isClosed || errnoOf(error) !== 'EBADF') throw error
    }
    if (this.isClosed) return
    if (this.isSealed || upTo - this.indexSyncedBytes >= INDEX_SYNC_BYTES) await this.syncIndexes(upTo)
    // Bytes that were written again since then are not those that were flushed.
    if (cuts === this.cuts) this.syncedBytes = upTo
  }

  syncNow(): void {
    this.file.syncNow()
    if (this.isSealed) this.indexes.syncNow()
    this.areIndexesSynced = this.isSealed
    this.syncedBytes = this.segment.sizeBytes
  }

  /** No batch comes any more, for now or for good: the indexes are completed and written. */
  seal(): void {
    this.indexes.finish()
    this.indexes.store()
    this.isSealed = true
  }

  /**
   * Seals the segment because the log goes on in another file. A power failure may keep what stands there and lose the end
   * of this one, which would look like damage in the middle; so what is not flushed is flushed first, unless it is so much
   * that everybody would have to wait for it. On an error nobody can say any more what the disk holds: `isBroken` is set.
   */
  complete(): void {
    const unflushedBytes = this.segment.sizeBytes - this.syncedBytes
    if (unflushedBytes > 0 && unflushedBytes <= FLUSH_AT_ROLL_MAX_BYTES) {
      try {
        this.file.syncNow()
      } catch (error) {
        this.isBroken = true
        throw error
      }
      this.syncedBytes = this.segment.sizeBytes
    }
    this.seal()
  }

  /** After a `seal` that led to nothing. */
  unseal(): void {
    this.isSealed = false
  }

  /** Cuts the file to `sizeBytes`, which is where a batch begins, and makes that durable. */
  truncate(sizeBytes: number, offset: number): void {
    this.cuts++
    this.file.truncate(sizeBytes)
    this.segment.sizeBytes = sizeBytes
    this.indexes.truncateTo(offset)
    this.segment.visit(this.segment.locate(offset), (batch) => {
      this.indexes.add(batch.position, batch.nextOffset - 1, batch.maxTimestampMs)
    })
    if (sizeBytes === 0) this.firstTimestampMs = undefined
    this.segment.counts.reset()
    this.indexSyncedBytes = 0
    this.tryStoreIndexes()
    this.syncNow()
  }

  private async syncIndexes(upTo: number): Promise<void> {
    const isComplete = this.isSealed
    this.indexes.store()
    await this.indexes.sync()
    this.indexSyncedBytes = upTo
    this.areIndexesSynced = isComplete
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.segment.letGo()
    this.indexes.close()
    this.file.close()
  }

  /** A write that did not go well may have left a part. */
  private cut(position: number): void {
    try {
      this.file.truncate(position)
    } catch {
      this.isBroken = true
    }
  }

  /** An index that cannot be written now is written later, at the latest when the segment is full. */
  private tryStoreIndexes(): void {
    try {
      this.indexes.store()
    } catch {
      // The entries stay in memory.
    }
  }
}
