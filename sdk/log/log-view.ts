import type { FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { Damage, type DamagedRange } from './damage.ts'
import type { EpochEnd, LeaderEpochs } from './leader-epochs.ts'
import { OpenSegments } from './open-segments.ts'
import { ReadPositions } from './read-positions.ts'
import type { Place, Segment, Stretch } from './segment.ts'
import { type BatchRead, readBatches } from './segment-read.ts'
import { storageError } from './storage-error.ts'
import { findMaxTimestamp, findTimestamp, type RecordTime } from './timestamp-search.ts'
import { type AbortedTransaction, readTransactionIndex } from './transaction-index.ts'

const NO_BYTES = Buffer.alloc(0)

export interface ReadOptions {
  /** Consumers read up to the high watermark; replay of a log's own records up to its end. */
  readonly limit: 'highWatermark' | 'logEndOffset'
}

export interface SegmentInfo {
  readonly baseOffset: number
  /** The base of the next segment, or the end of the log. */
  readonly endOffset: number
  readonly sizeBytes: number
  /** −1 where no batch has a timestamp. */
  readonly maxTimestampMs: number
}

/** How much of a log is to be located. */
export interface LocateOptions {
  readonly minBytes: number
  readonly maxBytes: number
  /** Batches end here or before. */
  readonly endOffset: number
}

/** Batches that were not read: where they are. */
export interface StoredBatches extends Stretch {
  /** The base offset of the segment. */
  readonly segment: number
  /** Of the segment's file. */
  readonly inode: bigint
  /** Where in the file the first of them begins. */
  readonly position: number
  /** Of the first of them. */
  readonly baseOffset: number
}

/** Damage in the way of a read: CORRUPT_BATCH, with the range in `offset` and `nextReadableOffset`. */
export class DamagedLogError extends TidemarkError {
  /** Where reading can go on. */
  readonly nextReadableOffset: number
  readonly range: DamagedRange

  constructor(range: DamagedRange, place: { topic: string; partition: number }) {
    const { fromOffset, toOffset, reason } = range
    const where = `${place.topic}-${place.partition}`
    const message = `Offsets ${fromOffset} to ${toOffset - 1} of ${where} are damaged: ${reason}. Reading can go on at ${toOffset}.`
    super('CORRUPT_BATCH', message, { ...place, offset: fromOffset })
    this.nextReadableOffset = toOffset
    this.range = range
  }
}

/** One partition's log as it can be read, by its owner and by a follower alike. */
export abstract class LogView {
  readonly topic: string
  readonly partition: number
  /** The first offset that can be read. */
  abstract readonly logStartOffset: number
  /** The offset the next batch will get. */
  abstract readonly logEndOffset: number
  /** Consumers see what is below. */
  abstract readonly highWatermark: number
  /** Records below are decided: no open transaction can still take them back. */
  abstract readonly lastStableOffset: number
  protected readonly damage = new Damage()
  protected readonly openSegments = new OpenSegments()
  /** In order; all but the last are full. */
  segmentList: Segment[] = []
  protected abstract readonly epochs: LeaderEpochs
  private readonly positions = new ReadPositions()
  private damageSeen = 0

  private readonly files: FileSystem

  constructor(files: FileSystem, place: { topic: string; partition: number }) {
    this.files = files
    this.topic = place.topic
    this.partition = place.partition
  }

  /**
   * Whole batches from the one that holds `offset`, or, where compaction left a hole, from the next: at most `maxBytes`, but
   * at least one batch; empty at the limit. Never crosses a segment. CRCs are not checked here: whoever looks at the records
   * must, and finds out with `findDamage` where to go on.
   * Throws OFFSET_OUT_OF_RANGE, CORRUPT_BATCH (a `DamagedLogError`), STORAGE_ERROR.
   */
  read(offset: number, maxBytes: number, options: ReadOptions): Buffer {
    return this.reading(() => this.readBytes(offset, maxBytes, options))
  }

  private readBytes(offset: number, maxBytes: number, options: ReadOptions): Buffer {
    if (!(offset >= this.logStartOffset && offset <= this.logEndOffset)) throw this.outOfRange(offset)
    const limit = options.limit === 'highWatermark' ? this.highWatermark : this.logEndOffset
    if (offset >= limit) return NO_BYTES
    const known = this.damage.at(offset) ?? this.damage.after(offset)
    const endOffset = Math.min(limit, Math.max(offset, known?.fromOffset ?? limit))
    let at = this.segmentAt(offset)
    for (let segment = this.segmentList[at]; segment !== undefined; segment = this.segmentList[++at]) {
      if (segment.baseOffset >= endOffset) break
      const read = this.readSegment(segment, offset, maxBytes, endOffset)
      if (read !== undefined) return read.bytes
      // Nothing more in this segment; or damage is in the way, and now known.
      const damage = this.damage.at(offset) ?? this.damage.after(offset)
      if (damage?.segment === segment.baseOffset && damage.fromOffset < limit) throw this.damaged(damage)
    }
    if (endOffset < limit && known !== undefined) throw this.damaged(known)
    return NO_BYTES
  }

  /**
   * Where the batches from `offset` on are, found without reading them: whoever does has to look whether they are those.
   * Undefined where the log does not know at once, or had better look itself: where nobody read up to `offset`, where damage
   * or compaction has taken offsets, where the index ends before `minBytes`. Throws STORAGE_ERROR.
   */
  locate(offset: number, options: LocateOptions): StoredBatches | undefined {
    return this.reading(() => this.findStored(offset, options))
  }

  private findStored(offset: number, { minBytes, maxBytes, endOffset }: LocateOptions): StoredBatches | undefined {
    const segment = this.segmentList[this.segmentAt(offset)]
    const isReadable = segment !== undefined && offset >= this.logStartOffset && offset < endOffset
    if (!isReadable || this.damage.at(offset) !== undefined || this.damage.after(offset) !== undefined) return undefined
    const position = segment.baseOffset === offset ? 0 : this.positions.find(segment, offset)
    const stretch = position === undefined ? undefined : segment.stretch(position, maxBytes, endOffset)
    if (position === undefined || stretch === undefined || stretch.sizeBytes < minBytes) return undefined
    this.positions.remember(segment, stretch.nextOffset, position + stretch.sizeBytes)
    return { segment: segment.baseOffset, inode: segment.reading().inode(), position, baseOffset: offset, ...stretch }
  }

  /** The first record below the high watermark that is not older than `timestampMs`; undefined if there is none. */
  offsetForTimestamp(timestampMs: number): RecordTime | undefined {
    const found = this.reading(() => findTimestamp(this.segmentList, timestampMs, this.logStartOffset))
    return found !== undefined && found.offset < this.highWatermark ? found : undefined
  }

  /** The youngest record; undefined in an empty log, and where no record has a timestamp. */
  maxTimestamp(): RecordTime | undefined {
    return this.reading(() => findMaxTimestamp(this.segmentList, this.logStartOffset))
  }

  /** The newest leader epoch that is known. */
  get latestEpoch(): number | undefined {
    return this.epochs.latest
  }

  /** The epoch of the record at `offset`, as far as is known. */
  epochAt(offset: number): number | undefined {
    return this.epochs.epochAt(offset)
  }

  /** Kafka's OffsetForLeaderEpoch. */
  endOffsetForEpoch(epoch: number): EpochEnd {
    return this.epochs.endOf(epoch, this.logEndOffset)
  }

  /**
   * The transactions that were aborted among the records from `from` up to `to`, as the broker's index has them: what a
   * reader that wants committed records only must leave out.
   */
  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    return this.reading(() => {
      const found: AbortedTransaction[] = []
      for (const segment of this.segmentList.slice(this.segmentAt(from))) {
        for (const aborted of readTransactionIndex(this.files, segment.path('.txnindex'))) {
          if (aborted.lastOffset >= from && aborted.firstOffset < to) found.push(aborted)
          if (aborted.lastStableOffset >= to) return found
        }
      }
      return found
    })
  }

  /** Records that are really there from `from` up to `to`: no control records, nothing compacted, deleted or unreadable. */
  countRecords(from: number, to: number): number {
    return this.reading(() => this.countBetween(from, to))
  }

  /** The same from each of some offsets, which are given in order: what lies between two of them is counted once. */
  countRecordsFrom(offsets: readonly number[], to: number): number[] {
    return this.reading(() => {
      const counts: number[] = []
      let total = 0
      let above = to
      for (const from of offsets.toReversed()) {
        total += this.countBetween(from, above)
        above = from
        counts.push(total)
      }
      return counts.reverse()
    })
  }

  private countBetween(from: number, to: number): number {
    const start = Math.max(from, this.logStartOffset)
    const end = Math.min(to, this.logEndOffset)
    let count = 0
    if (start >= end) return 0
    for (let at = this.segmentAt(start); at < this.segmentList.length; at++) {
      const segment = this.segmentList[at]!
      if (segment.baseOffset >= end) break
      count += segment.counts.between(start, end)
    }
    return count
  }

  /** Checks the batch that holds `offset`, CRC and all. Damage is returned, and known from now on. */
  findDamage(offset: number): DamagedRange | undefined {
    return this.reading(() => this.checkBatch(offset))
  }

  private checkBatch(offset: number): DamagedRange | undefined {
    const known = this.damage.at(offset)
    if (known !== undefined || offset < this.logStartOffset || offset >= this.logEndOffset) return known
    const segment = this.segmentList[this.segmentAt(offset)]
    segment?.visit(segment.locate(offset), (walker) => {
      if (walker.nextOffset <= offset) return true
      const problem = walker.findProblem()
      if (problem !== undefined) segment.passDamage(walker.position, walker.baseOffset, problem)
      return false
    })
    return this.damage.at(offset)
  }

  /** The damage that is known: from recovery and from reading. */
  get damagedRanges(): readonly DamagedRange[] {
    return this.damage.ranges
  }

  segments(): SegmentInfo[] {
    const describe = (segment: Segment): SegmentInfo => ({
      baseOffset: segment.baseOffset,
      endOffset: Math.min(segment.limitOffset, this.logEndOffset),
      sizeBytes: segment.sizeBytes,
      get maxTimestampMs() {
        return segment.maxTimestampMs
      },
    })
    return this.reading(() => this.segmentList.map(describe))
  }

  /** Bytes of all segments, without their indexes. */
  get sizeBytes(): number {
    return this.segmentList.reduce((total, segment) => total + segment.sizeBytes, 0)
  }

  /** Everything that reads files goes through here; errors of the disk become STORAGE_ERROR. */
  protected reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      const { topic, partition } = this
      throw storageError(error, `read ${topic}-${partition}`, { topic, partition })
    }
  }

  /** Positions of readers, and everything else that was derived from bytes that are gone, must be forgotten. */
  protected forgetPositions(): void {
    this.positions.clear()
  }

  /** Index of the segment that holds `offset`; the first one for an offset below it. */
  protected segmentAt(offset: number): number {
    const { segmentList } = this
    let low = 0
    let high = segmentList.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (segmentList[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  private readSegment(segment: Segment, offset: number, maxBytes: number, endOffset: number): BatchRead | undefined {
    if (this.damage.additions !== this.damageSeen) {
      // A damaged batch may have said of itself that it ends elsewhere in offsets than it does.
      this.damageSeen = this.damage.additions
      this.positions.clear()
    }
    const remembered = this.positions.find(segment, offset)
    const readAt = ({ position, offset: fromOffset }: Place, isRemembered: boolean) =>
      readBatches(segment, { position, fromOffset, offset, isRemembered, maxBytes, endOffset })
    let read = remembered === undefined ? 'unsure' : readAt({ position: remembered, offset }, true)
    if (read === 'unsure') read = readAt(segment.locate(offset), false)
    if (read === 'unsure') return undefined
    if (read?.isCertain) this.positions.remember(segment, read.nextOffset, read.nextPosition)
    return read
  }

  private damaged(range: DamagedRange): DamagedLogError {
    return new DamagedLogError(range, { topic: this.topic, partition: this.partition })
  }

  protected outOfRange(offset: number): TidemarkError {
    const { topic, partition, logStartOffset, logEndOffset } = this
    const range = `the log has ${logStartOffset} to ${logEndOffset}`
    const message = `Offset ${offset} of ${topic}-${partition} is out of range: ${range}.`
    return new TidemarkError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset })
  }
}
