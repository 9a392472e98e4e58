import type { FileSystem } from '../environment/environment.ts'
import { MAX_RELATIVE_OFFSET, OffsetIndex } from './offset-index.ts'
import { segmentFileName } from './segment-name.ts'
import { TimeIndex } from './time-index.ts'

export interface IndexOptions {
  readonly directory: string
  readonly baseOffset: number
  /** Of the files' names. */
  readonly ending: string
  readonly indexIntervalBytes: number
}

/** Both indexes of one segment, filled batch by batch as Kafka does it, on append and on recovery alike. */
export class SegmentIndexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  /** The greatest timestamp of the segment; −1 without any. */
  maxTimestampMs = -1
  /** The last offset of the batch that holds it. */
  maxTimestampOffset: number
  private readonly intervalBytes: number
  private lastIndexedPosition = 0

  constructor(files: FileSystem, options: IndexOptions) {
    const { directory, baseOffset, ending } = options
    const path = (suffix: string) => files.join(directory, segmentFileName(baseOffset, suffix + ending))
    this.offsets = new OffsetIndex(files, path('.index'), baseOffset)
    this.times = new TimeIndex(files, path('.timeindex'), baseOffset)
    this.maxTimestampOffset = baseOffset
    this.intervalBytes = options.indexIntervalBytes
  }

  /** Reads both files; false when one is missing or cannot be right. Whether they fit the log is for `Segment` to say. */
  load(): boolean {
    if (!this.offsets.load() || !this.times.load()) return false
    if (!this.offsets.isOrdered() || !this.times.isOrdered()) return false
    this.restore()
    return true
  }

  /** A batch of the log, in order. */
  add(position: number, lastOffset: number, maxTimestampMs: number): void {
    if (maxTimestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = maxTimestampMs
      this.maxTimestampOffset = lastOffset
    }
    if (position - this.lastIndexedPosition <= this.intervalBytes) return
    this.offsets.append(lastOffset, position)
    this.times.append(this.maxTimestampMs, this.maxTimestampOffset)
    this.lastIndexedPosition = position
  }

  /** The segment is complete, for now or for good: its greatest timestamp gets an entry. */
  finish(): void {
    this.times.append(this.maxTimestampMs, this.maxTimestampOffset)
  }

  /** Where the last batch that has an entry is; the first batch of the segment where none has. */
  get lastPosition(): number {
    return this.lastIndexedPosition
  }

  isFull(segmentIndexBytes: number): boolean {
    return (
      this.offsets.count >= OffsetIndex.maxEntries(segmentIndexBytes) ||
      this.times.count >= TimeIndex.maxEntries(segmentIndexBytes)
    )
  }

  /** Whether an entry can say this offset. */
  fits(offset: number): boolean {
    return offset - this.offsets.baseOffset <= MAX_RELATIVE_OFFSET
  }

  /** Drops what is known about batches from `offset` on, but for the greatest timestamp: `restore` it or walk the rest. */
  truncateTo(offset: number): void {
    this.offsets.truncateTo(offset)
    this.times.truncateTo(offset)
    this.restore()
  }

  clear(): void {
    this.offsets.clear()
    this.times.clear()
    this.restore()
  }

  /**
   * Keeps the entries for batches below `offset`, but for those in the last `bytes` before it; false when none is left.
   */
  keepBefore(offset: number, bytes: number): boolean {
    const { offsets } = this
    const last = offsets.floor(offset - 1)
    if (last >= 0) this.clip(offsets.positionAt(last) - bytes)
    return last >= 0 && offsets.count > 0
  }

  /** Drops entries for batches at or behind `position`: the log was looked at before the index. */
  clip(position: number): void {
    const { offsets } = this
    let count = offsets.count
    while (count > 0 && offsets.positionAt(count - 1) >= position) count--
    if (count < offsets.count) this.truncateTo(offsets.offsetAt(count))
  }

  /** Whether the files have exactly these entries. */
  get isStored(): boolean {
    return this.offsets.isStored && this.times.isStored
  }

  /** How many entries only memory has. */
  get pending(): number {
    return this.offsets.pending + this.times.pending
  }

  store(): void {
    this.offsets.store()
    this.times.store()
  }

  async sync(): Promise<void> {
    await this.offsets.sync()
    await this.times.sync()
  }

  syncNow(): void {
    this.offsets.syncNow()
    this.times.syncNow()
  }

  close(): void {
    this.offsets.close()
    this.times.close()
  }

  /** What the entries tell about the batches they cover. */
  private restore(): void {
    const { offsets, times } = this
    this.lastIndexedPosition = offsets.count === 0 ? 0 : offsets.positionAt(offsets.count - 1)
    this.maxTimestampMs = times.lastTimestampMs
    this.maxTimestampOffset = times.count === 0 ? offsets.baseOffset : times.offsetAt(times.count - 1)
  }
}
