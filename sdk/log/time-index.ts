import type { FileSystem } from '../environment/environment.ts'
import { isSafeInt64, readInt64, writeInt64 } from '../record/int64.ts'
import { IndexEntries } from './index-entries.ts'

const ENTRY_BYTES = 12

/**
 * `.timeindex`: int64 greatest timestamp so far, int32 (last offset of the batch that holds it − base offset). Every record
 * before that batch is at most as young. Timestamps rise strictly, offsets never fall.
 */
export class TimeIndex extends IndexEntries {
  readonly baseOffset: number

  constructor(files: FileSystem, path: string, baseOffset: number) {
    super(files, path, ENTRY_BYTES)
    this.baseOffset = baseOffset
  }

  /** One entry is kept free for the last one of the segment. */
  static maxEntries(segmentIndexBytes: number): number {
    return Math.floor(segmentIndexBytes / ENTRY_BYTES) - 1
  }

  /** Appends unless the timestamp is no greater than the last one. */
  append(timestampMs: number, offset: number): void {
    if (timestampMs <= this.lastTimestampMs) return
    const at = this.grow()
    writeInt64(this.entries, at, timestampMs)
    this.entries.writeInt32BE(offset - this.baseOffset, at + 8)
  }

  get lastTimestampMs(): number {
    return this.count === 0 ? -1 : this.timestampAt(this.count - 1)
  }

  timestampAt(entry: number): number {
    return readInt64(this.entries, entry * ENTRY_BYTES)
  }

  offsetAt(entry: number): number {
    return this.baseOffset + this.entries.readInt32BE(entry * ENTRY_BYTES + 8)
  }

  /** The last entry with at most this timestamp; −1 where all are greater. */
  floor(timestampMs: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.timestampAt(middle) <= timestampMs) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Drops the entries at or above `offset`. */
  truncateTo(offset: number): void {
    let count = this.count
    while (count > 0 && this.offsetAt(count - 1) >= offset) count--
    this.truncate(count)
  }

  override isOrdered(): boolean {
    let timestampMs = -1
    let offset = 0
    for (let at = 0; at < this.count * ENTRY_BYTES; at += ENTRY_BYTES) {
      if (!isSafeInt64(this.entries, at)) return false
      const nextTimestampMs = readInt64(this.entries, at)
      const nextOffset = this.entries.readInt32BE(at + 8)
      if (nextTimestampMs <= timestampMs || nextOffset < offset) return false
      timestampMs = nextTimestampMs
      offset = nextOffset
    }
    return true
  }
}
