import type { FileSystem } from '../environment/environment.ts'
import { IndexEntries } from './index-entries.ts'

const ENTRY_BYTES = 8
/** Offsets in an index are relative to the segment's first and must fit an int32. */
export const MAX_RELATIVE_OFFSET = 0x7fff_ffff

/**
 * `.index`: where in the segment some of its batches are. An entry is int32 (last offset of a batch − base offset), int32
 * position of that batch. The first batch of a segment never has one.
 */
export class OffsetIndex extends IndexEntries {
  readonly baseOffset: number

  constructor(files: FileSystem, path: string, baseOffset: number) {
    super(files, path, ENTRY_BYTES)
    this.baseOffset = baseOffset
  }

  static maxEntries(segmentIndexBytes: number): number {
    return Math.floor(segmentIndexBytes / ENTRY_BYTES)
  }

  append(lastOffset: number, position: number): void {
    const at = this.grow()
    this.entries.writeInt32BE(lastOffset - this.baseOffset, at)
    this.entries.writeInt32BE(position, at + 4)
  }

  offsetAt(entry: number): number {
    return this.baseOffset + this.entries.readInt32BE(entry * ENTRY_BYTES)
  }

  positionAt(entry: number): number {
    return this.entries.readInt32BE(entry * ENTRY_BYTES + 4)
  }

  /** The last entry at or below `offset`; −1 where all are above. */
  floor(offset: number): number {
    return this.lastWhere((entry) => this.offsetAt(entry) <= offset)
  }

  /** The last entry of a batch at or before `position`; −1 where all are behind it. */
  floorPosition(position: number): number {
    return this.lastWhere((entry) => this.positionAt(entry) <= position)
  }

  private lastWhere(isBelow: (entry: number) => boolean): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBelow(middle)) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Drops the entries at or above `offset`. */
  truncateTo(offset: number): void {
    this.truncate(this.floor(offset - 1) + 1)
  }

  override isOrdered(): boolean {
    let offset = -1
    let position = 0
    for (let at = 0; at < this.count * ENTRY_BYTES; at += ENTRY_BYTES) {
      const nextOffset = this.entries.readInt32BE(at)
      const nextPosition = this.entries.readInt32BE(at + 4)
      if (nextOffset <= offset || nextPosition <= position) return false
      offset = nextOffset
      position = nextPosition
    }
    return true
  }
}
