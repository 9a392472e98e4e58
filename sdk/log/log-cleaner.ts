import type { Environment, File } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { OUT_OF_ORDER } from './batch-chain.ts'
import { BatchFilter } from './batch-filter.ts'
import { BatchWalker } from './batch-walker.ts'
import { CleanedSegment } from './cleaned-segment.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import type { Damage } from './damage.ts'
import { KeyOffsets } from './key-offsets.ts'
import { isRemembered } from './producer-snapshot.ts'
import type { ProducerEntry } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { groupSegments } from './segment-groups.ts'
import { SegmentSwap, type SwappedLog } from './segment-swap.ts'
import { TimeSlices } from './time-slices.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** Enough for two million keys; more are compacted in several passes. */
const MAX_MAP_BYTES = 67_108_864

/** What a cleaner needs of a log. */
export interface CleanedLog extends SwappedLog {
  readonly topic: string
  readonly partition: number
  readonly damage: Damage
  /** What is remembered of a producer. */
  producer(producerId: number): ProducerEntry | undefined
  abortedTransactions(from: number, to: number): AbortedTransaction[]
  /** Throws where the log must not be changed any more. */
  check(): void
}

export interface CleaningOptions {
  readonly firstDirtyOffset: number
  /** Segments from here on stay as they are. */
  readonly endOffset: number
  /** How much memory the newest offsets of the keys may take. Default 64 MiB. */
  readonly maxMapBytes?: number | undefined
  /** Ends the pass at its next step; what was swapped in stays. */
  readonly signal?: { readonly aborted: boolean } | undefined
  /** Called before files change their names. What it throws ends the pass. */
  readonly beforeSwap?: (() => void) | undefined
}

export interface CleaningResult {
  /** Keys below were compared with everything before them: where the next pass begins. */
  readonly nextDirtyOffset: number
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** False where the pass was ended early; then it says nothing of what is left to do. */
  readonly isComplete: boolean
  /** The longest piece of work between two turns of the event loop. */
  readonly longestSliceMs: number
}

/**
 * One compaction of a log, in the background: finds the newest offset of each key in the part that was never compacted, then
 * writes every segment before its end anew without the records that are no longer the newest. Offsets never change.
 */
export class LogCleaner {
  readonly #environment: Environment
  readonly #log: CleanedLog
  readonly #options: CleaningOptions
  readonly #slices: TimeSlices
  readonly #nowMs: number
  #bytesBefore = 0
  #bytesAfter = 0

  constructor(environment: Environment, log: CleanedLog, options: CleaningOptions) {
    this.#environment = environment
    this.#log = log
    this.#options = options
    this.#slices = new TimeSlices(environment)
    this.#nowMs = environment.clock.nowMs()
  }

  /** Throws CORRUPT_BATCH where damage is in the way: then nothing of the segment that holds it has changed. STORAGE_ERROR. */
  async run(): Promise<CleaningResult> {
    const { endOffset } = this.#options
    const damage = this.#log.damage.ranges.find((range) => range.fromOffset < endOffset)
    if (damage !== undefined) throw this.#damaged(damage.fromOffset, damage.reason)
    const segments = this.#log.segments().filter((segment) => segment.baseOffset < endOffset)
    const { newest, mappedOffset } = await this.#mapKeys(segments)
    let isComplete = newest !== undefined
    if (newest !== undefined) {
      const transactions = new CleanedTransactions()
      const filter = new BatchFilter({
        newest,
        mappedOffset,
        transactions,
        producer: (producerId) => {
          const entry = this.#log.producer(producerId)
          return entry !== undefined && isRemembered(entry, this.#nowMs) ? entry : undefined
        },
        nowMs: this.#nowMs,
        deleteRetentionMs: this.#log.config().deleteRetentionMs,
        slices: this.#slices,
      })
      const reached = segments.filter((segment) => segment.baseOffset < mappedOffset)
      for (const group of groupSegments(reached, this.#log.config(), (segment) => this.#indexBytes(segment))) {
        isComplete &&= await this.#cleanGroup(group, filter, transactions)
      }
    }
    this.#slices.pause()
    return {
      nextDirtyOffset: isComplete ? mappedOffset : this.#options.firstDirtyOffset,
      bytesBefore: this.#bytesBefore,
      bytesAfter: this.#bytesAfter,
      isComplete,
      longestSliceMs: this.#slices.longestMs,
    }
  }

  /** The newest offset of each key in the dirty part, as far as there is memory for; records up to `mappedOffset` are in it. */
  async #mapKeys(segments: readonly Segment[]): Promise<{ newest: KeyOffsets | undefined; mappedOffset: number }> {
    const { firstDirtyOffset, maxMapBytes = MAX_MAP_BYTES } = this.#options
    const dirty = segments.filter((segment) => segment.limitOffset > firstDirtyOffset)
    const records = await this.#countRecords(dirty)
    const newest = new KeyOffsets(Math.min(records, KeyOffsets.capacityOf(maxMapBytes)))
    const transactions = new CleanedTransactions()
    let mappedOffset = firstDirtyOffset
    for (const segment of dirty) {
      transactions.expect(this.#log.abortedTransactions(segment.baseOffset, segment.limitOffset))
      const isWhole = await this.#visit(segment, async (walker) => {
        if (walker.nextOffset <= firstDirtyOffset) return true
        const problem = walker.findProblem()
        if (problem !== undefined) throw this.#damaged(walker.baseOffset, problem)
        const isMapped = await this.#mapBatch(walker, newest, transactions)
        if (isMapped) mappedOffset = walker.nextOffset
        return isMapped
      })
      if (isWhole === undefined) return { newest: undefined, mappedOffset }
      if (!isWhole) break
      mappedOffset = segment.limitOffset
    }
    return { newest, mappedOffset }
  }

  /** False where there is no room for all its keys: those that found some are harmless, since they are its newest. */
  async #mapBatch(walker: BatchWalker, newest: KeyOffsets, transactions: CleanedTransactions): Promise<boolean> {
    const batch = walker.batch()
    if (batch.isControl) {
      transactions.isMarkerOfNothing(batch)
      return true
    }
    if (transactions.isAborted(batch)) return true
    const cursor = batch.cursor()
    while (cursor.next()) {
      if (cursor.keyStart < 0 || cursor.offset < this.#options.firstDirtyOffset) continue
      if (newest.isFull) return false
      newest.put(cursor.buffer, cursor.keyStart, cursor.keyEnd, cursor.offset)
      if (this.#slices.isDue()) await this.#slices.rest()
    }
    return true
  }

  async #countRecords(segments: readonly Segment[]): Promise<number> {
    let records = 0
    for (const segment of segments) {
      const count = async (walker: BatchWalker) => {
        records += walker.isControl ? 0 : walker.recordCount
        return true
      }
      await this.#visit(segment, count, { whole: false })
    }
    return records
  }

  /** False where the pass was ended, or the segments are not the log's any more. */
  async #cleanGroup(
    group: readonly Segment[],
    filter: BatchFilter,
    transactions: CleanedTransactions,
  ): Promise<boolean> {
    this.#log.check()
    const last = group.at(-1)!
    const modifiedMs = this.#environment.files.stat(last.path('.log'))?.modifiedMs ?? this.#nowMs
    const cleaned = CleanedSegment.create(this.#environment, this.#log.around, group[0]!.baseOffset)
    try {
      transactions.retained = []
      for (const segment of group) {
        transactions.expect(this.#log.abortedTransactions(segment.baseOffset, segment.limitOffset))
        const isWhole = await this.#visit(segment, async (walker) => {
          const problem = walker.findProblem()
          if (problem !== undefined) throw this.#damaged(walker.baseOffset, problem)
          const isEnd = segment === last && walker.position + walker.sizeBytes >= segment.sizeBytes
          const bytes = await filter.filter(walker.batch(), isEnd)
          if (bytes !== undefined) await cleaned.add(bytes, this.#slices)
          return true
        })
        if (isWhole !== true) return this.#discard(cleaned)
      }
      await cleaned.finish(transactions.retained, modifiedMs, this.#slices)
      this.#log.check()
      this.#options.beforeSwap?.()
      const swap = new SegmentSwap(this.#log, group)
      if (this.#isAborted || !swap.swapIn(cleaned)) return this.#discard(cleaned)
      await this.#slices.rest()
      swap.settle()
    } catch (error) {
      this.#discard(cleaned)
      throw error
    }
    for (const segment of group) this.#bytesBefore += segment.sizeBytes
    this.#bytesAfter += cleaned.sizeBytes
    await this.#slices.rest()
    return true
  }

  get #isAborted(): boolean {
    return this.#options.signal?.aborted === true
  }

  #discard(cleaned: CleanedSegment): false {
    try {
      cleaned.discard()
    } catch {
      // The next pass, or the next opening, removes what is left.
    }
    return false
  }

  /**
   * Visits the batches of a segment until `visit` returns false, which is then the answer; undefined where the pass was
   * ended. By a descriptor of its own: readers may close the segment's meanwhile. Throws CORRUPT_BATCH.
   */
  async #visit(
    segment: Segment,
    visit: (walker: BatchWalker) => Promise<boolean>,
    { whole } = { whole: true },
  ): Promise<boolean | undefined> {
    let file: File | undefined
    try {
      file = this.#environment.files.open(segment.path('.log'), { write: false })
      const walker = new BatchWalker(file, { start: 0, end: segment.sizeBytes, whole })
      let { baseOffset: offset } = segment
      while (walker.next()) {
        if (walker.baseOffset < offset || walker.nextOffset > segment.limitOffset) {
          throw this.#damaged(walker.baseOffset, OUT_OF_ORDER)
        }
        offset = walker.nextOffset
        if (!(await visit(walker))) return false
        if (this.#slices.isDue()) {
          if (this.#isAborted) return undefined
          await this.#slices.rest()
          this.#log.check()
        }
      }
      if (walker.problem !== undefined) throw this.#damaged(offset, walker.problem)
      return this.#isAborted ? undefined : true
    } finally {
      file?.close()
    }
  }

  #indexBytes(segment: Segment): { offsets: number; times: number } {
    const sizeOf = (suffix: string) => this.#environment.files.stat(segment.path(suffix))?.sizeBytes ?? 0
    return { offsets: sizeOf('.index'), times: sizeOf('.timeindex') }
  }

  #damaged(offset: number, problem: string): TidemarkError {
    const { topic, partition } = this.#log
    const message = `${topic}-${partition} cannot be compacted: at offset ${offset} it is damaged (${problem}). Its segments are left as they are.`
    return new TidemarkError('CORRUPT_BATCH', message, { topic, partition, offset })
  }
}
