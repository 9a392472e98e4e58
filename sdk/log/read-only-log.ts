import type { Environment } from '../environment/environment.ts'
import { CRC_AT } from '../record/batch-header.ts'
import { BatchChain } from './batch-chain.ts'
import { LEADER_EPOCH_CHECKPOINT, LeaderEpochs } from './leader-epochs.ts'
import { DEFAULT_LOG_CONFIG } from './log-config.ts'
import { LogView } from './log-view.ts'
import { findProducers, replayProducers } from './producer-replay.ts'
import type { ProducerState } from './producer-state.ts'
import { BATCHES_GONE, Segment, type SegmentSurroundings } from './segment.ts'
import { findSegmentFiles, listSettled } from './segment-files.ts'
import { parseSegmentFileName } from './segment-name.ts'
import { errnoOf, storageError } from './storage-error.ts'

export interface ReadOnlyLogOptions {
  /** The partition's own directory. */
  readonly directory: string
  readonly topic: string
  readonly partition: number
  /** From the checkpoint; default: where the files begin. */
  readonly logStartOffset?: number | undefined
  /** From the checkpoint, read before the log's files are looked at: everything below was flushed. Default 0. */
  readonly flushedOffset?: number | undefined
  /** Whether the topic is compacted, as far as is known: then offsets without a batch are right. Default true. */
  readonly isCompacted?: boolean | undefined
}

/** As far as the last segment has been looked at. */
interface Tail {
  readonly segment: Segment
  readonly inode: bigint
  /** Behind the last valid batch. */
  readonly position: number
  readonly offset: number
  readonly fileBytes: number
  /** Where that batch begins and how, to see whether it is still the same; −1 without one. */
  readonly lastPosition: number
  readonly lastHeader: Buffer
}

/** How many times in a row the files of a log may be replaced while they are read. */
const MAX_TRIES = 5
/** How long a segment that was replaced without a trace in the names may go unnoticed; until then the old file is read. */
const IDENTITY_CHECK_MS = 10_000
const REPLACED = 'ESTALE'

/** What tells one batch from another: offset, length, epoch, CRC. */
const FINGERPRINT_BYTES = CRC_AT + 4

/**
 * One partition's log as its files show it, whether a running process writes to them, or a crashed one did. Tolerates what
 * an owner would mend: a torn tail, damage, indexes that are missing, wrong or full of zeros, files that vanish. Changes
 * nothing on disk. Call `refresh()` to see what has been appended since.
 */
export class ReadOnlyLog extends LogView {
  readonly directory: string
  /** May change with the topic's config. */
  isCompacted: boolean
  private readonly environment: Environment
  private readonly around: SegmentSurroundings
  private tail: Tail | undefined
  private firstOffset: number
  private flushedOffset: number
  private endOffset: number
  private knownEpochs: { inode: bigint | undefined; epochs: LeaderEpochs } | undefined
  private readonly inodes = new WeakMap<Segment, bigint | undefined>()
  /** As they were when the segments' files were last looked at one by one. */
  private namesChecked: readonly string[] | undefined
  private checkedMs = 0
  private replayed: { producers: ProducerState; offset: number } | undefined

  private constructor(environment: Environment, options: ReadOnlyLogOptions) {
    super(environment.files, options)
    this.environment = environment
    this.directory = options.directory
    this.firstOffset = options.logStartOffset ?? 0
    this.flushedOffset = options.flushedOffset ?? 0
    this.endOffset = this.firstOffset
    const { damage, openSegments: open, directory } = this
    const { indexIntervalBytes } = DEFAULT_LOG_CONFIG
    this.isCompacted = options.isCompacted ?? true
    const log = this
    const opened = (segment: Segment): void => this.checkSame(segment)
    this.around = {
      ...{ files: environment.files, directory, open, damage, indexIntervalBytes, opened },
      get isCompacted() {
        return log.isCompacted
      },
    }
  }

  /** Throws STORAGE_ERROR. A directory that does not exist (yet) is an empty log. */
  static open(environment: Environment, options: ReadOnlyLogOptions): ReadOnlyLog {
    const log = new ReadOnlyLog(environment, options)
    log.refresh()
    return log
  }

  override get logStartOffset(): number {
    return Math.min(Math.max(this.firstOffset, this.segmentList[0]?.baseOffset ?? 0), this.endOffset)
  }

  /** The end of the last complete, valid batch; behind what had been flushed and is gone, as for the next owner. */
  override get logEndOffset(): number {
    return this.endOffset
  }

  /** Bytes behind the last valid batch: one that is being written, or torn, or damaged. */
  get tornBytes(): number {
    return this.tail === undefined ? 0 : this.tail.fileBytes - this.tail.position
  }

  /** Files do not tell what has been flushed. */
  override get highWatermark(): number {
    return this.endOffset
  }

  override get lastStableOffset(): number {
    return this.reading(() => {
      this.replayed ??= findProducers(this.environment.files, this.directory, this.list('.snapshot'))
      const { producers, offset } = this.replayed
      replayProducers(producers, this.segmentList, { fromOffset: offset, toOffset: this.endOffset })
      this.replayed = { producers, offset: Math.max(offset, this.endOffset) }
      return Math.min(this.endOffset, producers.firstUnstableOffset ?? this.endOffset)
    })
  }

  protected override get epochs(): LeaderEpochs {
    const { files } = this.environment
    const inode = files.stat(files.join(this.directory, LEADER_EPOCH_CHECKPOINT))?.inode
    if (this.knownEpochs?.inode === inode && this.knownEpochs !== undefined) return this.knownEpochs.epochs
    try {
      this.knownEpochs = { inode, epochs: LeaderEpochs.load(files, this.directory) }
    } catch {
      // Damaged, or replaced this very moment: what is known stays.
      this.knownEpochs ??= { inode, epochs: new LeaderEpochs(files, this.directory) }
    }
    return this.knownEpochs.epochs
  }

  /** Log start and recovery point as their checkpoints say it by now. */
  advance(checkpoints: {
    readonly logStartOffset: number | undefined
    readonly flushedOffset: number | undefined
  }): void {
    this.firstOffset = Math.max(this.firstOffset, checkpoints.logStartOffset ?? 0)
    this.flushedOffset = Math.max(this.flushedOffset, checkpoints.flushedOffset ?? 0)
  }

  /**
   * Looks for new batches and segments, and for what was deleted or cut. Returns whether anything changed.
   * Throws STORAGE_ERROR.
   */
  refresh(): boolean {
    const { topic, partition, logStartOffset, endOffset } = this
    try {
      const haveFilesChanged = this.look()
      const haveEndsMoved = endOffset !== this.endOffset || logStartOffset !== this.logStartOffset
      return haveFilesChanged || haveEndsMoved
    } catch (error) {
      throw storageError(error, `read ${topic}-${partition}`, { topic, partition })
    }
  }

  /** Files may be replaced between two steps of it: then it begins again. */
  private look(tries = MAX_TRIES): boolean {
    try {
      const wasCut = this.wasCut()
      if (wasCut) this.forgetAll()
      const haveFilesChanged = this.updateSegments()
      this.updateTail()
      this.noteMissing()
      return wasCut || haveFilesChanged
    } catch (error) {
      if (!hasMoved(error) || tries <= 0) throw error
      this.forgetAll()
      this.look(tries - 1)
      return true
    }
  }

  close(): void {
    this.openSegments.releaseAll()
  }

  /** A file that is gone, or another one, was deleted or compacted by the log's owner: look again. */
  protected override reading<T>(read: () => T): T {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      try {
        return read()
      } catch (error) {
        if (!hasMoved(error)) return super.reading(() => raise(error))
        this.namesChecked = undefined
        this.refresh()
      }
    }
    return super.reading(read)
  }

  /** Base offsets of the files of a kind; none where the directory does not exist. */
  private list(suffix: string): number[] {
    const parsed = listSettled(this.environment.files, this.directory).flatMap(
      (name) => parseSegmentFileName(name) ?? [],
    )
    return parsed.filter((file) => file.suffix === suffix).map((file) => file.baseOffset)
  }

  /** Takes up new segments and lets go of those that vanished or were replaced; all but the last are full. */
  private updateSegments(): boolean {
    const names = listSettled(this.environment.files, this.directory, this.namesChecked)
    const nowMs = this.environment.clock.monotonicMs()
    // A segment may have been replaced twice, and by the end all names are as they were.
    if (names === this.namesChecked && nowMs - this.checkedMs < IDENTITY_CHECK_MS) return false
    this.namesChecked = names
    this.checkedMs = nowMs
    const found = findSegmentFiles(this.around, names)
    const bases = found.map((file) => file.baseOffset)
    const before = this.segmentList
    const isKept = before.map((segment) => this.isSame(segment))
    const isUnchanged =
      found.length === before.length &&
      found.every(({ baseOffset, ending }, at) => {
        return before[at]!.baseOffset === baseOffset && before[at]!.ending === ending && isKept[at] === true
      })
    if (isUnchanged) return false
    const known = new Map(before.filter((_, at) => isKept[at]).map((segment) => [segment.baseOffset, segment]))
    this.segmentList = found.map(({ baseOffset, ending }) => {
      const segment = known.get(baseOffset)
      return segment?.ending === ending ? segment : this.takeUp(baseOffset, ending)
    })
    for (const segment of before) if (!this.segmentList.includes(segment)) segment.release()
    for (const [at, segment] of this.segmentList.entries()) {
      const nextBase = bases[at + 1]
      const isNew = known.get(segment.baseOffset) !== segment
      if (nextBase === undefined || (!isNew && segment.limitOffset === nextBase)) continue
      segment.forget(this.environment.files.stat(segment.path('.log'))?.sizeBytes ?? 0)
      segment.limitOffset = nextBase
    }
    this.forgetPositions()
    return true
  }

  private takeUp(baseOffset: number, ending: string): Segment {
    const segment = new Segment(this.around, baseOffset, 0, ending)
    this.inodes.set(segment, this.environment.files.stat(segment.path('.log'))?.inode)
    return segment
  }

  /** Whether the segment's file still is the one it was: compaction puts another one in its place. */
  private isSame(segment: Segment): boolean {
    return this.environment.files.stat(segment.path('.log'))?.inode === this.inodes.get(segment)
  }

  private checkSame(segment: Segment): void {
    if (this.isSame(segment)) return
    segment.release()
    throw Object.assign(new Error(`${segment.path('.log')} was replaced`), { code: REPLACED })
  }

  /** Looks at what was appended to the last segment. */
  private updateTail(): void {
    const segment = this.segmentList.at(-1)
    const stat = segment && this.environment.files.stat(segment.path('.log'))
    if (segment === undefined || stat === undefined) return
    const begin = this.tail?.segment === segment ? this.tail : this.beginTail(segment, stat)
    if (begin.fileBytes === stat.sizeBytes) return
    segment.sizeBytes = stat.sizeBytes
    let { lastPosition } = begin
    const chain = new BatchChain(segment, begin, { verifyFrom: begin.offset, lastGapUpTo: 0 })
    while (chain.next()) {
      lastPosition = chain.batch.position
      segment.noteSeen(chain.batch)
    }
    const { offset } = chain
    const { position } = chain.batch
    segment.sizeBytes = position
    this.endOffset = offset
    const lastHeader = this.fingerprint(segment, lastPosition)
    this.tail = { segment, inode: stat.inode, position, offset, fileBytes: stat.sizeBytes, lastPosition, lastHeader }
  }

  /** What was flushed and is not there any more is lost: the owner goes on behind it. */
  private noteMissing(): void {
    const segment = this.segmentList.at(-1)
    const { endOffset: fromOffset, flushedOffset: toOffset } = this
    if (segment === undefined || fromOffset >= toOffset) return
    const { sizeBytes: position, baseOffset } = segment
    const range = { fromOffset, toOffset, segment: baseOffset, position, endPosition: position }
    // Also in a compacted log: compaction leaves the end of a log where it was.
    if (this.damage.at(fromOffset) === undefined) this.damage.add({ ...range, reason: BATCHES_GONE })
    this.endOffset = toOffset
  }

  /** A segment that is looked at for the first time: begins at its last index entry, if that is right. */
  private beginTail(segment: Segment, stat: { sizeBytes: number; inode: bigint }): Tail {
    segment.forget(stat.sizeBytes)
    segment.limitOffset = Number.POSITIVE_INFINITY
    const place = segment.locate(Number.POSITIVE_INFINITY)
    return { segment, ...stat, ...place, fileBytes: -1, lastPosition: -1, lastHeader: Buffer.alloc(0) }
  }

  /** Whether the last segment is not what it was, but for what came behind its end. */
  private wasCut(): boolean {
    const { tail } = this
    if (tail === undefined) return false
    const stat = this.environment.files.stat(tail.segment.path('.log'))
    return stat === undefined || stat.inode !== tail.inode || !this.isUnchanged(tail, stat.sizeBytes)
  }

  private forgetAll(): void {
    for (const segment of this.segmentList) segment.release()
    this.segmentList = []
    this.namesChecked = undefined
    this.tail = undefined
    this.replayed = undefined
    this.damage.clear()
    this.forgetPositions()
  }

  private isUnchanged(tail: Tail, sizeBytes: number): boolean {
    if (sizeBytes < tail.position) return false
    return tail.lastPosition < 0 || this.fingerprint(tail.segment, tail.lastPosition).equals(tail.lastHeader)
  }

  private fingerprint(segment: Segment, position: number): Buffer {
    const header = Buffer.alloc(position < 0 ? 0 : FINGERPRINT_BYTES)
    return position < 0 ? header : header.subarray(0, segment.reading().read(header, position))
  }
}

function hasMoved(error: unknown): boolean {
  const errno = errnoOf(error)
  return errno === 'ENOENT' || errno === REPLACED
}

function raise(error: unknown): never {
  throw error
}
