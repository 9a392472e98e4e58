import type { Environment, FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { Damage } from './damage.ts'
import { type CopyHooks, copyBytes } from './file-copy.ts'
import { type EpochStart, LeaderEpochs } from './leader-epochs.ts'
import { DEFAULT_LOG_CONFIG } from './log-config.ts'
import type { LogView, SegmentInfo } from './log-view.ts'
import { OpenSegments } from './open-segments.ts'
import { ReadOnlyLog } from './read-only-log.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { findSegmentFiles, listSettled, type SegmentFile } from './segment-files.ts'
import { parseSegmentFileName, segmentFileName } from './segment-name.ts'
import { errnoOf } from './storage-error.ts'
import { trimTransactionIndex } from './transaction-index.ts'

/** A segment as it was listed, and the file that had its name then. */
interface FoundSegment extends SegmentFile {
  readonly inode: bigint
}

export interface CopiedLog {
  readonly logEndOffset: number
  readonly firstSegmentOffset: number
}

export interface LogCopyHooks extends CopyHooks {
  /** Where the copy is to end, at or before the end of what was copied. */
  readonly endOf: (copied: LogView) => number
}

/** A busy log is copied in a few rounds: each has less to do than the one before. */
const MAX_ROUNDS = 50
const INDEXES = ['.index', '.timeindex', '.txnindex'] as const
const LAST_INDEXES = ['.txnindex'] as const

/**
 * Copies the log of one partition while its owner appends, rolls, compacts and deletes. What is copied is the log as it
 * was at one moment: whole batches up to an end, behind which nothing is missing. Calling `copy` again brings it up to
 * date.
 */
export class LogCopy {
  readonly #environment: Environment
  readonly #files: FileSystem
  readonly #from: string
  readonly #to: string
  readonly #place: { readonly topic: string; readonly partition: number }
  readonly #hooks: LogCopyHooks
  readonly #around: SegmentSurroundings
  /** Which files were copied, by base offset: one that compaction puts in their place is another. */
  readonly #copied = new Map<number, { readonly inode: bigint; hasIndexes: boolean }>()
  /** Snapshots of the producers that were copied, by name. */
  readonly #snapshots = new Map<string, bigint>()

  constructor(
    environment: Environment,
    where: { readonly from: string; readonly to: string; readonly topic: string; readonly partition: number },
    hooks: LogCopyHooks,
  ) {
    this.#environment = environment
    this.#files = environment.files
    this.#from = where.from
    this.#to = where.to
    this.#place = { topic: where.topic, partition: where.partition }
    this.#hooks = hooks
    this.#around = {
      files: environment.files,
      directory: where.from,
      open: new OpenSegments(),
      damage: new Damage(),
      indexIntervalBytes: DEFAULT_LOG_CONFIG.indexIntervalBytes,
      isCompacted: true,
    }
  }

  /** Durable on return, but for the name of the directory. undefined where the log has gone. Throws STORAGE_ERROR. */
  async copy(): Promise<CopiedLog | undefined> {
    this.#files.makeDirectory(this.#to)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      this.#hooks.check()
      if (this.#files.stat(this.#from) === undefined) return undefined
      const epochs = this.#readEpochs()
      const found = this.#find()
      const isWhole = found !== undefined && (await this.#copySegments(found))
      // One that was compacted meanwhile may lack records whose newer ones are in segments that came later.
      if (isWhole && isStillThere(found, this.#find())) return this.#finish(epochs)
    }
    const { topic, partition } = this.#place
    const message = `${topic}-${partition} changes faster than it can be copied: its segments are rolled, compacted or deleted all the time. Try again when less is written, or raise its segment.bytes.`
    throw new TidemarkError('STORAGE_ERROR', message, this.#place)
  }

  /** The segments that there are; undefined where they are being replaced this very moment. */
  #find(): FoundSegment[] | undefined {
    try {
      const names = this.#list(this.#from)
      const found = findSegmentFiles(this.#around, names)
      const segments: FoundSegment[] = []
      for (const file of found) {
        const stat = this.#files.stat(this.#path(this.#from, file, '.log'))
        if (stat === undefined) return undefined
        segments.push({ ...file, inode: stat.inode })
      }
      return listSettled(this.#files, this.#from, names) === names ? segments : undefined
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** False where a file was deleted or replaced before it was copied. */
  async #copySegments(found: readonly FoundSegment[]): Promise<boolean> {
    for (const [at, segment] of found.entries()) {
      if (!(await this.#copySegment(segment, at === found.length - 1))) return false
    }
    this.#removeOthers(new Set(found.map(({ baseOffset }) => baseOffset)))
    await this.#copySnapshots()
    return true
  }

  async #copySegment(segment: FoundSegment, isLast: boolean): Promise<boolean> {
    const { baseOffset, inode } = segment
    const source = this.#open(this.#path(this.#from, segment, '.log'))
    if (source === undefined) return false
    try {
      if (source.inode() !== inode) return false
      const target = this.#path(this.#to, { baseOffset }, '.log')
      const isKnown = this.#copied.get(baseOffset)?.inode === inode
      const fromPosition = isKnown ? (this.#files.stat(target)?.sizeBytes ?? 0) : 0
      if (!isKnown || fromPosition < source.sizeBytes()) {
        await copyBytes(this.#environment, source, target, { fromPosition, hooks: this.#hooks })
        this.#copied.set(baseOffset, { inode, hasIndexes: false })
        // Where records have no timestamps, retention goes by the file's.
        const modifiedMs = this.#files.stat(this.#path(this.#from, segment, '.log'))?.modifiedMs
        if (modifiedMs !== undefined) this.#files.setModified(target, modifiedMs)
      }
    } finally {
      source.close()
    }
    await this.#copyIndexes(segment, isLast)
    // Indexes of one that was deleted just now may be missing.
    return this.#files.stat(this.#path(this.#from, segment, '.log'))?.inode === inode
  }

  /**
   * The last segment's are made anew from the log by whoever opens it, as after a crash; only aborted transactions have to
   * be known to readers as well. While a compaction has not given all files their names, indexes may be of one segment or
   * the other: those are made anew, too.
   */
  async #copyIndexes(segment: FoundSegment, isLast: boolean): Promise<void> {
    const copied = this.#copied.get(segment.baseOffset)
    if (copied === undefined || copied.hasIndexes) return
    for (const suffix of isLast ? LAST_INDEXES : INDEXES) {
      const target = this.#path(this.#to, { baseOffset: segment.baseOffset }, suffix)
      if (segment.ending === '') await this.#copyFile(this.#path(this.#from, segment, suffix), target)
      else if (this.#files.stat(target) !== undefined) this.#files.remove(target)
    }
    copied.hasIndexes = !isLast
  }

  async #copySnapshots(): Promise<void> {
    for (const name of this.#list(this.#from)) {
      if (parseSegmentFileName(name)?.suffix !== '.snapshot') continue
      const from = this.#files.join(this.#from, name)
      const to = this.#files.join(this.#to, name)
      const stat = this.#files.stat(from)
      const isKnown = stat?.inode === this.#snapshots.get(name) && stat?.sizeBytes === this.#files.stat(to)?.sizeBytes
      if (stat === undefined || isKnown) continue
      await this.#copyFile(from, to)
      this.#snapshots.set(name, stat.inode)
    }
  }

  /** Where the file does not exist, neither does its copy. */
  async #copyFile(from: string, to: string): Promise<void> {
    const source = this.#open(from)
    if (source === undefined) {
      if (this.#files.stat(to) !== undefined) this.#files.remove(to)
      return
    }
    try {
      await copyBytes(this.#environment, source, to, { fromPosition: 0, hooks: this.#hooks })
    } finally {
      source.close()
    }
  }

  /** Segments that the log does not have any more. */
  #removeOthers(bases: ReadonlySet<number>): void {
    for (const name of this.#list(this.#to)) {
      const parsed = parseSegmentFileName(name)
      if (parsed === undefined || bases.has(parsed.baseOffset)) continue
      this.#files.remove(this.#files.join(this.#to, name))
      this.#copied.delete(parsed.baseOffset)
    }
  }

  /** Cuts the batch that was being written, what is not to be copied, and what is said about offsets beyond. */
  #finish(epochs: readonly EpochStart[]): CopiedLog {
    const whole = this.#openCopy()
    const segments = whole.segments()
    const endOffset = this.#hooks.endOf(whole)
    whole.close()
    const last = segments.at(-1)
    if (endOffset < whole.logEndOffset) this.#cutAt(segments, endOffset)
    else if (last !== undefined && whole.tornBytes > 0) this.#truncate(last.baseOffset, last.sizeBytes)
    const log = this.#openCopy()
    const { logEndOffset, logStartOffset } = log
    const lastLeft = log.segments().at(-1)
    log.close()
    if (lastLeft !== undefined) {
      trimTransactionIndex(this.#files, this.#path(this.#to, lastLeft, '.txnindex'), logEndOffset)
    }
    for (const name of this.#list(this.#to)) {
      const parsed = parseSegmentFileName(name)
      const isBeyond = parsed?.suffix === '.snapshot' && parsed.baseOffset > logEndOffset
      if (isBeyond) this.#files.remove(this.#files.join(this.#to, name))
    }
    this.#writeEpochs([...epochs, ...this.#readEpochs()], logStartOffset, logEndOffset)
    this.#files.syncDirectory(this.#to)
    return { logEndOffset, firstSegmentOffset: logStartOffset }
  }

  #openCopy(): ReadOnlyLog {
    return ReadOnlyLog.open(this.#environment, { directory: this.#to, ...this.#place })
  }

  /** Leaves out what is at that offset and behind it; the next `copy` brings it again. */
  #cutAt(segments: readonly SegmentInfo[], endOffset: number): void {
    const kept = segments.filter(({ baseOffset }, at) => at === 0 || baseOffset < endOffset)
    this.#removeOthers(new Set(kept.map(({ baseOffset }) => baseOffset)))
    const { baseOffset, sizeBytes } = kept.at(-1)!
    const segment = new Segment({ ...this.#around, directory: this.#to, damage: new Damage() }, baseOffset, sizeBytes)
    let end = 0
    segment.visit(segment.begin, (batch) => {
      if (batch.baseOffset >= endOffset) return false
      end = batch.position + batch.sizeBytes
      return true
    })
    segment.release()
    this.#truncate(baseOffset, end)
    // It is the last one now.
    for (const suffix of ['.index', '.timeindex']) {
      const path = this.#path(this.#to, { baseOffset }, suffix)
      if (this.#files.stat(path) !== undefined) this.#files.remove(path)
    }
    this.#copied.get(baseOffset)!.hasIndexes = false
  }

  #truncate(baseOffset: number, sizeBytes: number): void {
    const file = this.#files.open(this.#path(this.#to, { baseOffset }, '.log'), { write: true })
    try {
      file.truncate(sizeBytes)
      file.syncNow()
    } finally {
      file.close()
    }
  }

  /** Those from before the log was copied reach back far enough, those from after it far enough ahead. */
  #writeEpochs(starts: readonly EpochStart[], logStartOffset: number, logEndOffset: number): void {
    const epochs = new LeaderEpochs(this.#files, this.#to)
    for (const { epoch, startOffset } of starts) {
      if (epoch > (epochs.latest ?? -1)) epochs.note(epoch, startOffset)
    }
    epochs.trim(logStartOffset, logEndOffset)
    epochs.storeChanges()
  }

  /** None where they are damaged: whoever opens the copy finds them again in the batches. */
  #readEpochs(): readonly EpochStart[] {
    try {
      return LeaderEpochs.load(this.#files, this.#from).starts
    } catch (error) {
      if (error instanceof TidemarkError) return []
      throw error
    }
  }

  #list(directory: string): readonly string[] {
    return listSettled(this.#files, directory)
  }

  #open(path: string): ReturnType<FileSystem['open']> | undefined {
    try {
      return this.#files.open(path, { write: false })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  #path(directory: string, file: { readonly baseOffset: number; readonly ending?: string }, suffix: string): string {
    return this.#files.join(directory, segmentFileName(file.baseOffset, suffix + (file.ending ?? '')))
  }
}

/** Whether none of them was replaced. Those that retention deleted were copied before. */
function isStillThere(found: readonly FoundSegment[], now: readonly FoundSegment[] | undefined): boolean {
  if (now === undefined) return false
  const inodes = new Map(now.map(({ baseOffset, inode }) => [baseOffset, inode]))
  const firstOffset = now[0]?.baseOffset ?? Number.POSITIVE_INFINITY
  return found.every(({ baseOffset, inode }) => baseOffset < firstOffset || inodes.get(baseOffset) === inode)
}
