import type { File, FileSystem } from '../environment/environment.ts'
import { FilePool } from '../environment/file-pool.ts'
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts'
import { BatchChain } from './batch-chain.ts'
import { findNextBatch } from './batch-search.ts'
import { BatchWalker } from './batch-walker.ts'
import type { Damage, DamagedRange } from './damage.ts'
import type { OpenSegments } from './open-segments.ts'
import { RecordCounts } from './record-counts.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { segmentFileName } from './segment-name.ts'

/** What a gap in the offsets is called. */
export const BATCHES_GONE = 'the batches that had them are gone'

/** A batch: where it is in the segment's file, and its base offset. */
export interface Place {
  readonly position: number
  readonly offset: number
}

/** Batches that follow each other. */
export interface Stretch {
  readonly sizeBytes: number
  /** Behind the last of them. */
  readonly nextOffset: number
}

/** What the segments of one log share. */
export interface SegmentSurroundings {
  readonly files: FileSystem
  readonly directory: string
  readonly open: OpenSegments
  readonly damage: Damage
  readonly indexIntervalBytes: number
  /** Whether offsets without a batch are right. */
  readonly isCompacted: boolean
  /** Called with every descriptor that is opened. What it throws keeps the segment from being read. */
  readonly opened?: ((segment: Segment) => void) | undefined
}

/** One `.log` file with its indexes, for reading. The bytes of a segment never change once they are there. */
export class Segment {
  readonly baseOffset: number
  /** Bytes of the file that count: whole batches, and damage between them. */
  sizeBytes: number
  /** No batch of this segment reaches this offset: the next segment's base, or the log's end. */
  limitOffset = Number.POSITIVE_INFINITY
  readonly counts: RecordCounts
  private readonly around: SegmentSurroundings
  private file: File | undefined
  private indexes: SegmentIndexes | undefined
  private knownMaxTimestampMs: number | undefined
  /** The segment that is written keeps its descriptor and indexes. */
  private held = false

  /** What the names of its files end in: nothing, or what compaction calls them while they are no segment yet. */
  readonly ending: string

  constructor(around: SegmentSurroundings, baseOffset: number, sizeBytes: number, ending = '') {
    this.around = around
    this.ending = ending
    this.baseOffset = baseOffset
    this.sizeBytes = sizeBytes
    this.counts = new RecordCounts(this)
  }

  path(suffix: string): string {
    return this.around.files.join(this.around.directory, segmentFileName(this.baseOffset, suffix + this.ending))
  }

  reading(): File {
    if (this.file === undefined) {
      this.file = FilePool.of(this.around.files).open(this.path('.log'), { write: false })
      this.around.opened?.(this)
    }
    if (!this.held) this.around.open.use(this)
    return this.file
  }

  /** Uses these, which the caller writes with, until `letGo`. */
  hold(file: File, indexes: SegmentIndexes): void {
    this.release()
    this.around.open.drop(this)
    this.file = file
    this.indexes = indexes
    this.held = true
  }

  /** The caller is done writing and closes its descriptors. */
  letGo(): void {
    this.knownMaxTimestampMs = this.indexes?.maxTimestampMs
    this.held = false
    this.file = undefined
    this.indexes = undefined
  }

  /** Closes the descriptor and forgets the indexes; both come again when needed. */
  release(): void {
    if (this.held) return
    this.file?.close()
    this.file = undefined
    this.indexes = undefined
  }

  /** For an open of this very segment: new and empty. */
  emptyIndexes(): SegmentIndexes {
    const { files, directory, indexIntervalBytes } = this.around
    return new SegmentIndexes(files, {
      directory,
      baseOffset: this.baseOffset,
      ending: this.ending,
      indexIntervalBytes,
    })
  }

  /** The indexes; made again from the log, in memory, where the files are missing or wrong. */
  index(): SegmentIndexes {
    if (!this.held) this.around.open.use(this)
    if (this.indexes !== undefined) return this.indexes
    const indexes = this.emptyIndexes()
    const isLoaded = indexes.load()
    indexes.clip(this.sizeBytes)
    if (!isLoaded || !this.fitsLog(indexes)) this.rebuild(indexes)
    this.indexes = indexes
    return indexes
  }

  /** The greatest timestamp of its batches; −1 without any. */
  get maxTimestampMs(): number {
    if (this.held || this.knownMaxTimestampMs === undefined) this.knownMaxTimestampMs = this.index().maxTimestampMs
    return this.knownMaxTimestampMs
  }

  /** The greatest timestamp of its first batch; undefined where it has none. */
  get firstTimestampMs(): number | undefined {
    return this.sizeBytes === 0 ? undefined : this.peek(0)?.maxTimestampMs
  }

  /** A follower has seen this batch, behind those it knew. */
  noteSeen(batch: BatchWalker): void {
    const indexes = this.index()
    const before = this.knownMaxTimestampMs ?? indexes.maxTimestampMs
    this.knownMaxTimestampMs = Math.max(before, batch.maxTimestampMs)
    indexes.add(batch.position, batch.nextOffset - 1, batch.maxTimestampMs)
  }

  /** A follower has seen that the segment is full, or another one than it knew. */
  forget(sizeBytes: number): void {
    this.release()
    this.sizeBytes = sizeBytes
    this.knownMaxTimestampMs = undefined
    this.counts.reset()
  }

  /** Whether the indexes end as the log says. A wrong entry before the end shows when it is used. */
  fitsLog(indexes: SegmentIndexes): boolean {
    const { offsets, times } = indexes
    const last = offsets.count === 0 ? undefined : this.batchOf(indexes, offsets.count - 1)
    if (offsets.count > 0 && (last === undefined || last.maxTimestampMs > times.lastTimestampMs)) return false
    if (times.count === 0) return this.sizeBytes === 0 || this.peek(0)?.maxTimestampMs === -1
    return this.isTimeRight(indexes, times.count - 1)
  }

  /** Fills the indexes from the batches that can be read. */
  rebuild(indexes: SegmentIndexes): void {
    indexes.clear()
    this.visit(this.begin, (walker) => indexes.add(walker.position, walker.nextOffset - 1, walker.maxTimestampMs))
    indexes.finish()
  }

  /** Where to begin to look for `offset`: the batch of an index entry at or below it, or the first. */
  locate(offset: number): Place {
    for (;;) {
      const indexes = this.index()
      const entry = indexes.offsets.floor(offset)
      if (entry < 0) return this.begin
      const batch = this.batchOf(indexes, entry)
      if (batch !== undefined) return { position: batch.position, offset: batch.baseOffset }
      this.rebuild(indexes)
    }
  }

  /**
   * The batches from `position` on, where one begins, that have at most `maxBytes` and end at or below `endOffset`, as far
   * as the index tells: of them nothing is read. Undefined where it tells of none, and where offsets may be missing.
   */
  stretch(position: number, maxBytes: number, endOffset: number): Stretch | undefined {
    if (this.around.isCompacted) return undefined
    const sizeBytes = this.sizeBytes - position
    if (sizeBytes <= maxBytes && this.limitOffset <= endOffset) return { sizeBytes, nextOffset: this.limitOffset }
    const indexes = this.index()
    const { offsets } = indexes
    const entry = Math.min(offsets.floorPosition(position + maxBytes), offsets.floor(endOffset))
    const following = entry < 0 ? undefined : this.batchOf(indexes, entry)
    if (following === undefined || following.position <= position) return undefined
    return { sizeBytes: following.position - position, nextOffset: following.baseOffset }
  }

  /** Where to begin to look for the first record at or after `timestampMs`. */
  locateTime(timestampMs: number, fromOffset: number): Place {
    const indexes = this.index()
    const entry = indexes.times.floor(timestampMs)
    if (entry >= 0 && !this.isTimeRight(indexes, entry)) {
      this.rebuild(indexes)
      return this.locateTime(timestampMs, fromOffset)
    }
    return this.locate(Math.max(fromOffset, entry < 0 ? this.baseOffset : indexes.times.offsetAt(entry)))
  }

  walk(start: number, whole = false): BatchWalker {
    return new BatchWalker(this.reading(), { start, end: this.sizeBytes, whole })
  }

  /** Calls `visit` with every batch from `start` on whose header can be read, until it returns false. */
  visit(start: Place, visit: (batch: BatchWalker) => unknown): void {
    const chain = new BatchChain(this, start)
    while (chain.next()) if (visit(chain.batch) === false) return
  }

  /** The first batch, or where it will be. */
  get begin(): Place {
    return { position: 0, offset: this.baseOffset }
  }

  /**
   * Base offsets are not under the CRC, and compaction leaves gaps. So a batch that begins higher than expected is right if
   * what follows at `position` agrees with its `nextOffset`.
   */
  isGapRight(position: number, nextOffset: number): boolean {
    if (position >= this.sizeBytes) return nextOffset <= this.limitOffset
    const following = this.peek(position)
    return following === undefined || following.baseOffset >= nextOffset
  }

  /**
   * In a log that is not compacted offsets are a row: where none of `fromOffset` … `toOffset` has a batch at `position`,
   * batches are gone. Notes that; false where it is right, or known.
   */
  noteGap(position: number, fromOffset: number, toOffset: number): boolean {
    if (!this.isGapNew(fromOffset, toOffset)) return false
    const range = { fromOffset, toOffset, segment: this.baseOffset, position, endPosition: position }
    this.around.damage.add({ ...range, reason: BATCHES_GONE })
    return true
  }

  isGapNew(fromOffset: number, toOffset: number): boolean {
    const { damage, isCompacted } = this.around
    if (fromOffset >= toOffset || isCompacted || !Number.isFinite(toOffset)) return false
    return damage.at(fromOffset) === undefined
  }

  /** No batch of this segment ends higher: index entries hold offsets from the base on, in 31 bits. */
  get reachOffset(): number {
    return Math.min(this.limitOffset, this.baseOffset + 0x8000_0000)
  }

  /** Whether the batch at `position` has its right CRC. */
  isWhole(position: number): boolean {
    const walker = this.walk(position, true)
    return walker.next() && walker.findProblem() === undefined
  }

  isKnownDamage(position: number): boolean {
    return this.knownDamage(position) !== undefined
  }

  /**
   * Notes that what stands at `position`, where `expectedOffset` should be, is no batch; returns the next one, if there
   * is one in this segment.
   */
  passDamage(position: number, expectedOffset: number, reason: string): Place | undefined {
    const { damage } = this.around
    const known = this.knownDamage(position)
    if (known !== undefined) {
      return known.endPosition < this.sizeBytes ? { position: known.endPosition, offset: known.toOffset } : undefined
    }
    const fromOffset = Math.max(expectedOffset, this.baseOffset)
    const found = findNextBatch(this.reading(), {
      position,
      end: this.sizeBytes,
      fromOffset,
      toOffset: this.reachOffset,
    })
    const toOffset = found?.baseOffset ?? this.limitOffset
    if (toOffset >= fromOffset && Number.isFinite(toOffset)) {
      const endPosition = found?.position ?? this.sizeBytes
      damage.add({ fromOffset, toOffset, segment: this.baseOffset, position, endPosition, reason })
    }
    return found && { position: found.position, offset: found.baseOffset }
  }

  /** The header at `position`, if a batch can be there. */
  peek(position: number): BatchWalker | undefined {
    const walker = new BatchWalker(this.reading(), {
      start: position,
      end: Math.min(this.sizeBytes, position + BATCH_HEADER_BYTES),
    })
    return walker.peek() ? walker : undefined
  }

  private knownDamage(position: number): DamagedRange | undefined {
    const { ranges } = this.around.damage
    if (ranges.length === 0) return undefined
    const isHere = ({ segment, position: at, endPosition }: DamagedRange) =>
      segment === this.baseOffset && at === position && endPosition > at
    return ranges.find(isHere)
  }

  /** The batch an entry of the offset index points to; undefined where the entry is wrong. */
  private batchOf(indexes: SegmentIndexes, entry: number): BatchWalker | undefined {
    const position = indexes.offsets.positionAt(entry)
    if (position <= 0 || position >= this.sizeBytes) return undefined
    const batch = this.peek(position)
    return batch?.nextOffset === indexes.offsets.offsetAt(entry) + 1 ? batch : undefined
  }

  private isTimeRight(indexes: SegmentIndexes, entry: number): boolean {
    const offset = indexes.times.offsetAt(entry)
    let right = false
    const before = indexes.offsets.floor(offset)
    const batch = before < 0 ? undefined : this.batchOf(indexes, before)
    if (before >= 0 && batch === undefined) return false
    const start = batch === undefined ? this.begin : { position: batch.position, offset: batch.baseOffset }
    this.visit(start, (walker) => {
      if (walker.nextOffset <= offset) return true
      right = walker.nextOffset === offset + 1 && walker.maxTimestampMs === indexes.times.timestampAt(entry)
      return false
    })
    return right
  }
}
