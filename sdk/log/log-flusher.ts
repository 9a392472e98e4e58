import { TidemarkError } from '../errors.ts'
import type { ActiveSegment } from './active-segment.ts'
import { GroupCommit } from './group-commit.ts'

/** What a flusher asks of its log. */
export interface FlushedLog {
  readonly logEndOffset: number
  readonly active: ActiveSegment
  /** Makes the names of new files durable. */
  syncDirectory(): void
  syncDirectoryInBackground(): Promise<void>
  /** The flush went wrong: what shall its callers be told? */
  flushFailed(error: unknown): Error
  /** `flushedOffset` has moved up. */
  flushAdvanced(): void
}

/** Makes a log's bytes durable: full segments that were not flushed yet, then the active one; many callers share one pass. */
export class LogFlusher {
  /** Everything below survives a power loss. */
  flushedOffset: number
  /** Set when the files were let go of without a last flush. */
  isAbandoned = false
  /** Whether files were made whose names are not durable yet. */
  isDirectoryDirty = false
  private readonly log: FlushedLog
  private readonly commits = new GroupCommit(() => this.flushOnce())
  /** Full segments whose bytes are not flushed yet, oldest first. */
  private full: ActiveSegment[] = []
  /** What the pass under way will have made durable; a truncation lowers it. */
  private target = { offset: 0 }

  constructor(log: FlushedLog, flushedOffset: number) {
    this.log = log
    this.flushedOffset = flushedOffset
  }

  get isNeeded(): boolean {
    return this.flushedOffset < this.log.logEndOffset || this.full.length > 0
  }

  flush(): Promise<void> {
    return this.isNeeded ? this.commits.run() : Promise.resolve()
  }

  /** The same for everything that closing needs: indexes and names too, be the records flushed already. */
  flushAll(): Promise<void> {
    this.isDirectoryDirty = true
    return this.commits.run()
  }

  /** Waits for the disk, for everything. */
  flushNow(): void {
    for (const writer of this.writers()) writer.syncNow()
    this.log.syncDirectory()
    this.flushedOffset = this.log.logEndOffset
  }

  /** The segment gets no more batches. */
  addFull(writer: ActiveSegment): void {
    this.full.push(writer)
    this.isDirectoryDirty = true
  }

  /** Everything that is open for writing. */
  writers(): ActiveSegment[] {
    return [...this.full, this.log.active]
  }

  /** Some segments were closed, or became the active one; the log ends at `logEndOffset`. */
  forget(logEndOffset: number): void {
    this.full = this.full.filter((writer) => !writer.isClosed && writer !== this.log.active)
    this.flushedOffset = Math.min(this.flushedOffset, logEndOffset)
    this.target.offset = Math.min(this.target.offset, logEndOffset)
  }

  private async flushOnce(): Promise<void> {
    const target = { offset: this.log.logEndOffset }
    this.target = target
    try {
      for (const writer of this.writers()) await this.flushSegment(writer)
      if (this.isAbandoned) throw new TidemarkError('CLOSED', 'The log was closed before its last bytes were flushed.')
      await this.flushNames()
    } catch (error) {
      throw this.log.flushFailed(error)
    }
    if (target.offset <= this.flushedOffset) return
    this.flushedOffset = target.offset
    this.log.flushAdvanced()
  }

  private async flushNames(): Promise<void> {
    if (!this.isDirectoryDirty) return
    // Before the flush: files that are made meanwhile need another one.
    this.isDirectoryDirty = false
    try {
      await this.log.syncDirectoryInBackground()
    } catch (error) {
      this.isDirectoryDirty = true
      throw error
    }
  }

  private async flushSegment(writer: ActiveSegment): Promise<void> {
    if (writer.isClosed) return
    if (writer.isDirty) await writer.sync()
    if (writer === this.log.active || writer.isDirty || writer.isClosed) return
    this.full = this.full.filter((other) => other !== writer)
    writer.close()
  }
}
