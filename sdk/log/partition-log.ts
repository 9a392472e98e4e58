import { assert } from '../assert.ts'
import type { Environment } from '../environment/environment.ts'
import type { TidemarkError } from '../errors.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { ActiveSegment } from './active-segment.ts'
import { isRollDue, measureAppend, stampBatches } from './append-shape.ts'
import { type Cleanable, findCleanable } from './cleanable.ts'
import { DeletedFiles } from './deleted-files.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { type CleanedLog, type CleaningOptions, type CleaningResult, LogCleaner } from './log-cleaner.ts'
import type { LogConfig } from './log-config.ts'
import { type FlushedLog, LogFlusher } from './log-flusher.ts'
import { LogHealth } from './log-health.ts'
import { LogLoader } from './log-loader.ts'
import { LogProducers } from './log-producers.ts'
import { LogView, type SegmentInfo } from './log-view.ts'
import type { AppendedBatches, AppendOptions, PartitionLogOptions } from './partition-log-options.ts'
import type { LogRecovery } from './recovery.ts'
import { findExpired } from './retention.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { storageError } from './storage-error.ts'
import { cutLog } from './truncation.ts'

/** One partition's log, for the one process that writes to it. */
export class PartitionLog extends LogView {
  readonly directory: string
  /** Applies from the next append, retention pass or deletion on. */
  config: LogConfig
  /** What opening found and mended. */
  readonly recovery: LogRecovery
  /** Who has written to it, and which transactions are open. */
  producers: LogProducers
  protected override readonly epochs: LeaderEpochs
  private readonly environment: Environment
  private readonly around: SegmentSurroundings
  private readonly deleted: DeletedFiles
  private readonly flusher: LogFlusher
  private readonly watchers = new Set<() => void>()
  private readonly health: LogHealth
  private active: ActiveSegment
  private follows: 'flush' | 'append'
  private startOffset: number
  private endOffset: number
  private watermark: number
  private wasCompacted: boolean

  private constructor(environment: Environment, options: PartitionLogOptions) {
    super(environment.files, options)
    const { directory, config } = options
    this.health = new LogHealth(options)
    this.environment = environment
    this.directory = directory
    this.config = config
    this.wasCompacted = options.wasCompacted === true
    const { damage, openSegments: open } = this
    const { indexIntervalBytes } = config
    const log = this
    this.around = {
      ...{ files: environment.files, directory, open, damage, indexIntervalBytes },
      get isCompacted() {
        return log.wasCompacted || log.config.cleanupPolicy.has('compact')
      },
    }
    const { logStartOffset = 0, recoveryPoint = 0, cleanShutdown, create = false, mayBeOlder = false } = options
    const load = { directory, config, logStartOffset, recoveryPoint, cleanShutdown, create, mayBeOlder }
    const loaded = new LogLoader(environment, load, this.around).load()
    this.segmentList = loaded.segments
    this.active = loaded.active
    this.epochs = loaded.epochs
    this.producers = new LogProducers(environment, this, loaded)
    this.startOffset = loaded.logStartOffset
    this.endOffset = loaded.logEndOffset
    this.watermark = loaded.logEndOffset
    this.recovery = loaded.report
    this.follows = options.highWatermarkFollows ?? 'flush'
    this.deleted = new DeletedFiles(environment, directory)
    this.flusher = new LogFlusher(this.flushedLog(), loaded.logEndOffset)
  }

  /**
   * Opens a log for writing, and mends it: cuts a torn tail, notes damage, makes indexes again, flushes what it keeps.
   * `recovery` tells. Throws STORAGE_ERROR.
   */
  static open(environment: Environment, options: PartitionLogOptions): PartitionLog {
    const { topic, partition } = options
    try {
      return new PartitionLog(environment, options)
    } catch (error) {
      throw storageError(error, `open ${topic}-${partition}`, { topic, partition })
    }
  }

  override get logStartOffset(): number {
    return this.startOffset
  }

  override get logEndOffset(): number {
    return this.endOffset
  }

  override get highWatermark(): number {
    return this.watermark
  }

  /** Everything below survives a power loss: what a recovery point may say. */
  get flushedOffset(): number {
    return this.flusher.flushedOffset
  }

  /** Records below are decided: no open transaction can still take them back. */
  override get lastStableOffset(): number {
    return Math.min(this.watermark, this.producers.firstUnstableOffset ?? this.watermark)
  }

  /** Why nothing can be written any more; undefined as long as it can. */
  get failure(): TidemarkError | undefined {
    return this.health.failure
  }

  get highWatermarkFollows(): 'flush' | 'append' {
    return this.follows
  }

  set highWatermarkFollows(follows: 'flush' | 'append') {
    this.follows = follows
    if (follows === 'append') this.advanceHighWatermark(this.endOffset)
  }

  /**
   * Appends one or several batches, which get their offsets and epoch in place. The kernel has them on return: they survive
   * this process, and after `flush` a power loss. Closes the segment first when that is due.
   * Throws MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE; STORAGE_ERROR (nothing was appended; may succeed later unless `failure`
   * is set); OWNERSHIP_LOST (another process wrote to the file; final).
   */
  append(batches: Buffer, options: AppendOptions): AppendedBatches {
    this.health.check()
    const { leaderEpoch, logAppendTimeMs } = options
    const { endOffset: baseOffset, topic, partition } = this
    assert(leaderEpoch >= (this.epochs.latest ?? 0), `an append in epoch ${leaderEpoch} after ${this.epochs.latest}`)
    const shape = measureAppend(batches, this.config, { topic, partition, baseOffset, logAppendTimeMs })
    let writer = this.active
    try {
      if (isRollDue(writer, this.config, shape, this.environment.clock)) writer = this.roll()
      if (!this.epochs.isDurable(leaderEpoch)) this.epochs.assign(leaderEpoch, baseOffset)
      stampBatches(batches, { baseOffset, partitionLeaderEpoch: leaderEpoch, logAppendTimeMs })
      this.producers.appending(batches, writer.segment)
      writer.append(batches)
    } catch (error) {
      throw this.health.appendFailed(error, { isBroken: !this.producers.takeBack() || writer.isBroken })
    }
    this.endOffset = shape.nextOffset
    writer.segment.limitOffset = shape.nextOffset
    this.note(batches, writer)
    if (this.follows === 'append') this.advanceHighWatermark(this.endOffset)
    return { baseOffset, lastOffset: shape.nextOffset - 1 }
  }

  /**
   * Resolves when everything appended before the call survives a power loss. Calls share one fdatasync. When it fails, this
   * and every later call rejects with STORAGE_ERROR: the kernel drops what it could not write, so only opening the log
   * again tells what is there.
   */
  flush(): Promise<void> {
    const { refusal } = this.health
    return refusal === undefined ? this.flusher.flush() : Promise.reject(refusal)
  }

  /** Shows consumers what is below `offset`. Never goes back; never beyond the end of the log. */
  advanceHighWatermark(offset: number): void {
    const watermark = Math.min(offset, this.endOffset)
    if (watermark <= this.watermark) return
    this.watermark = watermark
    for (const watcher of this.watchers) watcher()
  }

  /** Calls back, synchronously, whenever the high watermark has moved up. The callback must not throw. Returns how to stop that. */
  onHighWatermark(callback: () => void): () => void {
    this.watchers.add(callback)
    return () => this.watchers.delete(callback)
  }

  /** Batches from here on have `epoch`. Durable when it resolves. Rejects with STORAGE_ERROR. */
  async assignEpoch(epoch: number): Promise<void> {
    this.health.check()
    const assign = () => this.epochs.assignInBackground(epoch, this.endOffset)
    await this.health.attemptAsync('raise the leader epoch of', assign)
  }

  /** Cuts the log: the batch that holds `offset` and all behind it go. Durable on return. Throws OFFSET_OUT_OF_RANGE, STORAGE_ERROR. */
  truncateTo(offset: number): void {
    this.health.check()
    if (offset >= this.endOffset) return
    if (offset < this.startOffset) throw this.outOfRange(offset)
    try {
      const { directory, segmentList: segments, deleted, config } = this
      const writers = this.flusher.writers()
      const { startOffset: logStartOffset, around } = this
      const deleteDelayMs = config.fileDeleteDelayMs
      const cut = { directory, offset, logStartOffset, segments, writers, deleted, deleteDelayMs }
      const shorter = cutLog(this.environment, around, cut)
      this.segmentList = shorter.segments
      this.active = shorter.active
      this.endOffset = shorter.endOffset
      this.watermark = Math.min(this.watermark, shorter.endOffset)
      this.producers = new LogProducers(this.environment, this, shorter)
      this.flusher.forget(shorter.endOffset)
      this.damage.keep(0, shorter.endOffset)
      this.forgetPositions()
      this.epochs.trim(this.startOffset, shorter.endOffset)
      this.epochs.storeChanges()
    } catch (error) {
      throw this.health.fail(error, 'truncate')
    }
  }

  /**
   * Records below `offset` are no longer readable; their files go with the next retention pass. The caller keeps the log
   * start in a checkpoint. Throws OFFSET_OUT_OF_RANGE beyond the high watermark, STORAGE_ERROR.
   */
  advanceLogStart(offset: number): void {
    this.health.check()
    if (offset > this.watermark) throw this.outOfRange(offset)
    if (offset > this.startOffset) this.health.attempt('move the start of', () => this.moveStart(offset))
  }

  /** Deletes the oldest segments as far as the config says and the high watermark allows; returns them. Throws STORAGE_ERROR. */
  applyRetention(nowMs: number): SegmentInfo[] {
    this.health.check()
    const { segmentList, startOffset: logStartOffset, watermark: highWatermark, config } = this
    return this.health.attempt('delete old segments of', () => {
      const bounds = { logStartOffset, highWatermark, nowMs }
      const count = findExpired(this.environment.files, segmentList, config, bounds)
      if (count === 0) return []
      if (count === segmentList.length) this.roll()
      const expired = this.segments().slice(0, count)
      const gone = segmentList.splice(0, count)
      this.letGo(gone)
      const bases = gone.map((segment) => segment.baseOffset)
      this.deleted.add(bases, config.fileDeleteDelayMs)
      this.moveStart(Math.max(logStartOffset, segmentList[0]!.baseOffset))
      return expired
    })
  }

  /** What compaction could do now. `cleanedOffset`: how far it came before, by the checkpoint. Throws STORAGE_ERROR. */
  cleanable(cleanedOffset: number | undefined, nowMs: number): Cleanable {
    const { segmentList: segments, logStartOffset, logEndOffset, config } = this
    const stableOffset = Math.min(this.lastStableOffset, this.flushedOffset)
    const log = { segments, logStartOffset, logEndOffset, stableOffset, config }
    return this.reading(() => findCleanable(log, cleanedOffset, nowMs))
  }

  /** Compacts in the background; appends and reads go on. Throws CORRUPT_BATCH where damage is in the way, STORAGE_ERROR. */
  async compact(options: CleaningOptions): Promise<CleaningResult> {
    this.health.check()
    this.wasCompacted = true
    const cleaner = new LogCleaner(this.environment, this.cleanedLog(), options)
    return await this.health.attemptAsync('compact', () => cleaner.run())
  }

  /** Does what `close` does for the files without holding up the event loop; then nothing can be written any more. */
  async finish(): Promise<void> {
    if (this.health.refusal !== undefined) return
    this.health.isEnding = true
    try {
      if (this.writeEnd()) await this.flusher.flushAll()
    } catch (error) {
      throw this.health.fail(error, 'close')
    }
  }

  /**
   * Flushes what is left, writes a producer snapshot, completes and trims the indexes. Await `finish()` first: this one
   * blocks. Throws STORAGE_ERROR; the log is closed then too, but not cleanly. A log with a `failure` is left as it is.
   */
  close(): void {
    if (this.health.isClosed) return
    try {
      if (this.health.failure === undefined && this.writeEnd()) this.flusher.flushNow()
    } catch (error) {
      throw this.health.fail(error, 'close')
    } finally {
      this.release()
    }
  }

  /**
   * Lets go of the files and writes nothing: they are another process's by now, or about to be removed. Whoever still waits
   * for a flush that had not begun gets CLOSED.
   */
  abandon(): void {
    if (this.health.isClosed) return
    this.flusher.isAbandoned = true
    this.release()
  }

  /** What is in the files when a log is closed. Returns whether anything is to be flushed. */
  private writeEnd(): boolean {
    const { active, flusher } = this
    active.indexes.finish()
    if (active.indexes.isStored && this.producers.isStored(this.endOffset) && !flusher.isNeeded) return false
    active.seal()
    this.producers.store(this.endOffset)
    return true
  }

  private release(): void {
    this.health.isClosed = true
    this.deleted.close()
    for (const writer of this.flusher.writers()) writer.close()
    this.openSegments.releaseAll()
    this.watchers.clear()
  }

  private cleanedLog(): CleanedLog {
    const { topic, partition, around, deleted, damage } = this
    return {
      ...{ topic, partition, around, deleted, damage },
      config: () => this.config,
      segments: () => this.segmentList,
      producer: (producerId) => this.producers.entry(producerId),
      abortedTransactions: (from, to) => this.abortedTransactions(from, to),
      check: () => this.health.check(),
      letGo: (segments) => this.letGo(segments),
      fail: (error) => this.health.fail(error, 'compact'),
    }
  }

  /** Segments whose files go. */
  private letGo(segments: readonly Segment[]): void {
    this.forgetPositions()
    for (const writer of this.flusher.writers()) if (segments.includes(writer.segment)) writer.close()
    this.flusher.forget(this.endOffset)
    for (const segment of segments) {
      this.openSegments.drop(segment)
      segment.release()
    }
  }

  private flushedLog(): FlushedLog {
    const log = this
    return {
      get logEndOffset() {
        return log.endOffset
      },
      get active() {
        return log.active
      },
      syncDirectory: () => this.environment.files.syncDirectory(this.directory),
      syncDirectoryInBackground: () => this.environment.files.syncDirectoryInBackground(this.directory),
      flushFailed: (error) => this.health.flushFailed(error),
      flushAdvanced: () => {
        if (this.follows === 'flush') this.advanceHighWatermark(this.flusher.flushedOffset)
      },
    }
  }

  /** Begins a new segment at the end of the log. Where that fails everything is as before. */
  private roll(): ActiveSegment {
    const full = this.active
    try {
      full.complete()
      this.producers.store(this.endOffset)
      const segment = new Segment(this.around, this.endOffset, 0)
      this.active = ActiveSegment.create(this.around.files, segment, this.environment.clock.nowMs())
      this.segmentList.push(segment)
    } catch (error) {
      full.unseal()
      throw error
    }
    this.flusher.addFull(full)
    // As Kafka does: a full segment is flushed in the background. A failure shows in the next call.
    this.flush().catch(() => {})
    return this.active
  }

  private moveStart(offset: number): void {
    this.startOffset = offset
    this.damage.keep(offset, this.endOffset)
    this.epochs.trim(offset, Number.POSITIVE_INFINITY)
    this.epochs.storeChanges()
  }

  /** Batches that the file has now. */
  private note(batches: Buffer, writer: ActiveSegment): void {
    const position = writer.segment.sizeBytes - batches.length
    for (let at = 0; at < batches.length; ) {
      const batch = new RecordBatch(batches, at)
      writer.note(position + at, batch.lastOffset, batch.maxTimestampMs)
      this.producers.note(batch)
      at += batch.sizeBytes
    }
    this.producers.appended(batches.length, this.endOffset)
  }
}
