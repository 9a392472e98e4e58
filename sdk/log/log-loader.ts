import type { Environment, FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { ActiveSegment } from './active-segment.ts'
import { BatchChain } from './batch-chain.ts'
import type { BatchWalker } from './batch-walker.ts'
import { LEADER_EPOCH_CHECKPOINT, LeaderEpochs } from './leader-epochs.ts'
import { settleLeftovers } from './leftovers.ts'
import type { LogConfig } from './log-config.ts'
import { findProducers, replayBatch, replayProducers } from './producer-replay.ts'
import { KEPT_SNAPSHOTS } from './producer-snapshots.ts'
import { ProducerState } from './producer-state.ts'
import { RecoveryReport } from './recovery.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { parseSegmentFileName, SEGMENT_SUFFIXES, segmentFileName } from './segment-name.ts'
import { type RecoveredSegment, SegmentRecovery } from './segment-recovery.ts'
import {
  type AbortedTransaction,
  readTransactionIndex,
  trimTransactionIndex,
  writeTransactionIndex,
} from './transaction-index.ts'

export interface LoadOptions {
  readonly directory: string
  readonly config: LogConfig
  /** The log begins no lower; below it records may still be in the files. */
  readonly logStartOffset: number
  /** Everything below was flushed. */
  readonly recoveryPoint: number
  readonly cleanShutdown: boolean
  readonly create: boolean
  /** It may have been replaced by an older copy: then it goes on where that ends, and only tells. */
  readonly mayBeOlder: boolean
}

export interface LoadedLog {
  readonly segments: Segment[]
  readonly active: ActiveSegment
  readonly epochs: LeaderEpochs
  readonly producers: ProducerState
  /** The offset of the newest producer snapshot in the directory; 0 without any. */
  readonly snapshotOffset: number
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly report: RecoveryReport
}

/** Opens the files of one partition and brings them into a state that can be relied on, in Kafka's order. */
export class LogLoader {
  readonly #environment: Environment
  readonly #files: FileSystem
  readonly #options: LoadOptions
  readonly #around: SegmentSurroundings
  readonly #report = new RecoveryReport()
  #segments: Segment[] = []
  #writer: ActiveSegment | undefined
  #snapshots: number[] = []
  #epochs: LeaderEpochs
  #producers = new ProducerState()
  /** By markers that were replayed in the segment that is recovered. */
  readonly #aborted: AbortedTransaction[] = []
  /** Batches from here on have still to be replayed into the producer state. */
  #replayedTo = 0

  constructor(environment: Environment, options: LoadOptions, around: SegmentSurroundings) {
    this.#environment = environment
    this.#files = environment.files
    this.#options = options
    this.#around = around
    this.#epochs = new LeaderEpochs(environment.files, options.directory)
  }

  load(): LoadedLog {
    try {
      return this.#load()
    } catch (error) {
      this.#writer?.close()
      throw error
    }
  }

  #load(): LoadedLog {
    this.#openDirectory()
    this.#listFiles()
    this.#loadEpochs()
    if (!this.#options.cleanShutdown) this.#dropTornSegments()
    else if (!this.#options.mayBeOlder) this.#noteLostFront()
    const firstRecovered = this.#firstToRecover()
    this.#mendTrusted(firstRecovered)
    let logEndOffset = this.#recover(firstRecovered)
    const logStartOffset = Math.max(this.#options.logStartOffset, this.#segments[0]?.baseOffset ?? 0)
    if (logStartOffset > logEndOffset) {
      this.#restartAt(logStartOffset)
      logEndOffset = logStartOffset
    }
    if (this.#replayedTo > logEndOffset) this.#producers = new ProducerState()
    this.#epochs.trim(logStartOffset, logEndOffset)
    this.#epochs.storeChanges()
    const snapshotOffset = this.#removeStraySnapshots(logEndOffset)
    const active = this.#writer!
    active.segment.limitOffset = logEndOffset
    trimTransactionIndex(this.#files, active.segment.path('.txnindex'), logEndOffset)
    this.#report.damaged = [...this.#around.damage.ranges]
    return {
      segments: this.#segments,
      active,
      epochs: this.#epochs,
      producers: this.#producers,
      snapshotOffset,
      logStartOffset,
      logEndOffset,
      report: this.#report,
    }
  }

  #openDirectory(): void {
    const { directory, create, cleanShutdown } = this.#options
    const isThere = this.#files.stat(directory) !== undefined
    if (!isThere && !create) throw new TidemarkError('STORAGE_ERROR', `There is no log in ${directory}.`)
    if (!isThere) this.#files.makeDirectory(directory)
    if (isThere && cleanShutdown) return
    // Whoever was here before may have been stopped between making a name and making it durable.
    if (create) this.#files.syncDirectory(this.#files.join(directory, '..'))
    this.#files.syncDirectory(directory)
  }

  #listFiles(): void {
    const { directory } = this.#options
    const parsed = settleLeftovers(this.#files, directory).flatMap((name) => parseSegmentFileName(name) ?? [])
    const bases = parsed.filter((file) => file.suffix === '.log').map((file) => file.baseOffset)
    bases.sort((one, other) => one - other)
    this.#snapshots = parsed.filter((file) => file.suffix === '.snapshot').map((file) => file.baseOffset)
    const known = new Set(bases)
    for (const { baseOffset, suffix } of parsed) {
      if (suffix !== '.snapshot' && !known.has(baseOffset)) this.#remove(baseOffset, suffix)
    }
    this.#segments = bases.map((baseOffset, at) => {
      const path = this.#files.join(directory, segmentFileName(baseOffset, '.log'))
      const segment = new Segment(this.#around, baseOffset, this.#files.stat(path)?.sizeBytes ?? 0)
      segment.limitOffset = bases[at + 1] ?? Number.POSITIVE_INFINITY
      return segment
    })
  }

  #loadEpochs(): void {
    const { directory } = this.#options
    const path = this.#files.join(directory, LEADER_EPOCH_CHECKPOINT)
    const isEmpty = this.#segments.every((segment) => segment.sizeBytes === 0)
    try {
      this.#epochs = LeaderEpochs.load(this.#files, directory)
      if (isEmpty || this.#files.stat(path) !== undefined) return
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
    }
    this.#report.rebuiltEpochs = true
    for (const segment of this.#segments) {
      segment.visit(segment.begin, (batch) => {
        const { leaderEpoch } = batch
        if (leaderEpoch > (this.#epochs.latest ?? -1)) this.#epochs.note(leaderEpoch, batch.baseOffset)
      })
    }
    // What stands in the way of that is looked at again, and more closely, by recovery.
    this.#around.damage.clear()
  }

  /**
   * A crash may keep the file of a new segment and lose what was in it, and the end of the segment before. Where no batch
   * follows, that is a torn tail, and the segment before is the last.
   */
  #dropTornSegments(): void {
    for (;;) {
      const last = this.#segments.at(-1)
      if (last === undefined || this.#segments.length === 1 || last.baseOffset < this.#options.recoveryPoint) return
      const chain = new BatchChain(last, last.begin, { verifyFrom: last.baseOffset, lastGapUpTo: 0 })
      if (chain.next()) return
      this.#report.tornBytes += last.sizeBytes
      last.release()
      for (const suffix of SEGMENT_SUFFIXES) if (suffix !== '.snapshot') this.#remove(last.baseOffset, suffix)
      // Should the file come back, it would stand in the way of what is appended before it.
      this.#files.syncDirectory(this.#options.directory)
      this.#segments.pop()
      this.#segments.at(-1)!.limitOffset = Number.POSITIVE_INFINITY
    }
  }

  /**
   * The first line of the leader epochs is at the log start, which goes up with retention. A first segment above it was
   * removed by somebody else. An empty one takes its place, so that whoever reads there is told, now and later.
   */
  #noteLostFront(): void {
    const first = this.#segments[0]
    const begin = this.#epochs.starts[0]?.startOffset
    if (first === undefined || begin === undefined || this.#around.isCompacted) return
    const fromOffset = Math.max(begin, this.#options.logStartOffset)
    if (fromOffset >= first.baseOffset) return
    const segment = new Segment(this.#around, fromOffset, 0)
    ActiveSegment.create(this.#files, segment, this.#environment.clock.nowMs()).close()
    this.#files.syncDirectory(this.#options.directory)
    segment.limitOffset = first.baseOffset
    segment.noteGap(0, fromOffset, first.baseOffset)
    this.#segments.unshift(segment)
    this.#report.missing = { fromOffset, toOffset: first.baseOffset }
  }

  /** Index of the first segment whose batches are looked at: the last one, and before it those that may not be flushed. */
  #firstToRecover(): number {
    const last = Math.max(0, this.#segments.length - 1)
    if (this.#options.cleanShutdown) return last
    // A segment that ends exactly there may have been closed since, and its indexes are flushed with what comes behind it.
    const unflushed = this.#segments.findIndex((segment) => segment.limitOffset >= this.#options.recoveryPoint)
    return Math.min(last, Math.max(0, unflushed))
  }

  /** Starts from the newest snapshot at or below `offset`, where recovery begins: what is newer may describe what it cuts. */
  #loadProducers(offset: number): void {
    const { cleanShutdown, directory } = this.#options
    const limit = cleanShutdown ? Number.POSITIVE_INFINITY : offset
    for (const newer of this.#snapshots.filter((snapshot) => snapshot > limit)) this.#removeSnapshot(newer)
    const found = findProducers(this.#files, directory, this.#snapshots)
    for (const damaged of found.damaged) this.#removeSnapshot(damaged)
    this.#producers = found.producers
    replayProducers(this.#producers, this.#segments, { fromOffset: found.offset, toOffset: offset })
    this.#replayedTo = Math.max(found.offset, offset)
  }

  #replay(batch: BatchWalker): void {
    if (batch.baseOffset < this.#replayedTo) return
    const aborted = batch.isControl ? this.#producers.abortedBy(batch.batch()) : undefined
    if (aborted !== undefined) this.#aborted.push(aborted)
    replayBatch(this.#producers, batch)
  }

  /** A power loss may have taken entries of markers that are there. */
  #mendTransactionIndex(segment: Segment): void {
    const aborted = this.#aborted.splice(0)
    if (aborted.length === 0) return
    const path = segment.path('.txnindex')
    const known = readTransactionIndex(this.#files, path)
    const missing = aborted.filter(({ lastOffset }) => !known.some((each) => each.lastOffset === lastOffset))
    if (missing.length === 0) return
    const all = [...known, ...missing].sort((one, other) => one.lastOffset - other.lastOffset)
    writeTransactionIndex(this.#files, path, all)
    this.#files.syncDirectory(this.#options.directory)
  }

  /** Segments that were flushed as a whole are trusted; an index file that is missing or cut is made again. */
  #mendTrusted(firstRecovered: number): void {
    for (const segment of this.#segments.slice(0, firstRecovered)) {
      const sizes = [8, 12].map((entryBytes, at) => {
        const stat = this.#files.stat(segment.path(at === 0 ? '.index' : '.timeindex'))
        return stat === undefined || stat.sizeBytes % entryBytes !== 0
      })
      if (!sizes.includes(true)) continue
      const indexes = segment.emptyIndexes()
      segment.rebuild(indexes)
      indexes.store()
      indexes.close()
      this.#report.rebuiltIndexes++
    }
  }

  /** Returns where the log ends. */
  #recover(firstRecovered: number): number {
    const { recoveryPoint, cleanShutdown, logStartOffset } = this.#options
    let nextOffset: number | undefined
    for (const [at, segment] of this.#segments.entries()) {
      if (at < firstRecovered) continue
      const before = this.#segments[at - 1]
      if (nextOffset !== undefined) before?.noteGap(before.sizeBytes, nextOffset, segment.baseOffset)
      const isLast = at === this.#segments.length - 1
      const options = { recoveryPoint, isLast, isClean: cleanShutdown, report: this.#report }
      const recovered = this.#recoverSegment(new SegmentRecovery(segment, this.#epochs, options), at === firstRecovered)
      if (isLast) return this.#goOn(segment, recovered)
      nextOffset = recovered.nextOffset
      recovered.indexes.syncNow()
      segment.letGo()
      recovered.indexes.close()
      recovered.file.close()
    }
    const startOffset = Math.max(logStartOffset, this.#epochs.starts[0]?.startOffset ?? 0)
    this.#createSegment(startOffset, { flushed: startOffset > 0 })
    return this.#goOnAt(this.#segments[0]!, startOffset)
  }

  #recoverSegment(recovery: SegmentRecovery, isFirst: boolean): RecoveredSegment {
    try {
      const offset = recovery.begin(this.#files)
      if (isFirst) this.#loadProducers(offset)
      const recovered = recovery.run((batch) => this.#replay(batch))
      this.#mendTransactionIndex(recovery.segment)
      return recovered
    } catch (error) {
      recovery.abandon()
      throw error
    }
  }

  /** Appends go on in the last segment, but never behind damage: other readers may not get past that. */
  #goOn(segment: Segment, recovered: RecoveredSegment): number {
    this.#writer = new ActiveSegment(segment, { ...recovered, createdMs: this.#environment.clock.nowMs() })
    return this.#goOnAt(segment, recovered.nextOffset)
  }

  /**
   * No offset below the recovery point is given out again, also after an orderly stop: whole batches may have been cut off,
   * which no look at the rest would show. The log then goes on in a segment that begins there, and the gap before it tells
   * of the loss, now and later.
   */
  #goOnAt(segment: Segment, endOffset: number): number {
    const { recoveryPoint, mayBeOlder } = this.#options
    const nextOffset = mayBeOlder ? endOffset : Math.max(endOffset, recoveryPoint)
    if (endOffset < recoveryPoint) this.#report.missing ??= { fromOffset: endOffset, toOffset: recoveryPoint }
    segment.noteGap(segment.sizeBytes, endOffset, nextOffset)
    const isDamaged = this.#around.damage.ranges.some((range) => range.segment === segment.baseOffset)
    if (nextOffset === endOffset && (!isDamaged || nextOffset === segment.baseOffset)) return nextOffset
    segment.limitOffset = nextOffset
    this.#writer!.seal()
    this.#writer!.syncNow()
    this.#createSegment(nextOffset)
    return nextOffset
  }

  /** A new log that begins at 0 has nothing to lose before its first epoch is assigned, which flushes the directory. */
  #createSegment(baseOffset: number, { flushed } = { flushed: true }): void {
    this.#writer?.close()
    this.#writer = undefined
    const segment = new Segment(this.#around, baseOffset, 0)
    this.#writer = ActiveSegment.create(this.#files, segment, this.#environment.clock.nowMs())
    this.#segments.push(segment)
    if (flushed) this.#files.syncDirectory(this.#options.directory)
  }

  /** Kafka's rule for a log start beyond the end: what is there is older than what was deleted. */
  #restartAt(logStartOffset: number): void {
    this.#writer?.close()
    this.#writer = undefined
    for (const segment of this.#segments) {
      for (const suffix of SEGMENT_SUFFIXES) this.#remove(segment.baseOffset, suffix)
    }
    for (const offset of [...this.#snapshots]) this.#removeSnapshot(offset)
    this.#segments = []
    this.#around.damage.clear()
    this.#producers = new ProducerState()
    this.#report.restartedAt = logStartOffset
    this.#createSegment(logStartOffset)
  }

  /** Keeps the snapshots that belong to segments, and the newest: another kill may find an older recovery point. */
  #removeStraySnapshots(logEndOffset: number): number {
    for (const offset of this.#snapshots.filter((snapshot) => snapshot > logEndOffset)) this.#removeSnapshot(offset)
    const bases = new Set(this.#segments.map((segment) => segment.baseOffset))
    const newest = [...this.#snapshots].sort((one, other) => other - one)
    for (const offset of newest.slice(KEPT_SNAPSHOTS)) if (!bases.has(offset)) this.#removeSnapshot(offset)
    return newest[0] ?? 0
  }

  #removeSnapshot(offset: number): void {
    this.#remove(offset, '.snapshot')
    this.#snapshots = this.#snapshots.filter((snapshot) => snapshot !== offset)
  }

  #remove(baseOffset: number, suffix: string): void {
    const path = this.#files.join(this.#options.directory, segmentFileName(baseOffset, suffix))
    if (this.#files.stat(path) !== undefined) this.#files.remove(path)
  }
}
