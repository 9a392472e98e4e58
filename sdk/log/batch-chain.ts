import type { BatchWalker } from './batch-walker.ts'
import type { Place, Segment } from './segment.ts'

export const OUT_OF_ORDER = 'its offsets do not follow those before it'
export const LIES = 'its checksum is wrong, and what is behind it contradicts its offsets or its length'

export interface ChainOptions {
  /** Batches that reach beyond this offset have their CRC checked, others only their header. Default: none. */
  readonly verifyFrom?: number
  /** Behind the last batch nothing vouches for it when it leaves a gap, unless it ends at or below this offset. Default: all do. */
  readonly lastGapUpTo?: number
}

/** The batches of a segment in order, damage passed over and noted. Changes nothing on disk. */
export class BatchChain {
  /** The batch, after `next()`; at the end its `position` is where the chain ends. */
  readonly batch: BatchWalker
  /** Behind that batch, or the damage before the next. */
  offset: number
  /** At the end: what is wrong with the bytes that are left, if there are any. No valid batch follows in this segment. */
  problem: string | undefined
  /** The batch before, and where it was expected to begin. */
  private previous: Place | undefined
  private readonly segment: Segment
  private readonly verifyFrom: number
  private readonly lastGapUpTo: number

  /** `start` is a batch of the segment. */
  constructor(segment: Segment, start: Place, options: ChainOptions = {}) {
    const { verifyFrom = Number.POSITIVE_INFINITY, lastGapUpTo = Number.POSITIVE_INFINITY } = options
    this.segment = segment
    this.verifyFrom = verifyFrom
    this.lastGapUpTo = lastGapUpTo
    this.offset = start.offset
    this.batch = segment.walk(start.position, start.offset >= verifyFrom)
  }

  next(): boolean {
    for (;;) {
      const problem = this.findProblem()
      const liar = this.findLiar(problem)
      if (problem === undefined && liar === undefined) {
        const { position, baseOffset, nextOffset } = this.batch
        if (baseOffset > this.offset) this.segment.noteGap(position, this.offset, baseOffset)
        this.previous = { position, offset: this.offset }
        this.offset = nextOffset
        return true
      }
      this.problem = problem ?? undefined
      if (problem === null && liar === undefined) return false
      const next =
        liar === undefined
          ? this.segment.passDamage(this.batch.position, this.offset, problem!)
          : this.segment.passDamage(liar.position, liar.offset, LIES)
      this.previous = undefined
      if (next === undefined) return false
      this.offset = next.offset
      this.batch.seek(next.position)
    }
  }

  /** What is wrong with the next batch; undefined: nothing; null: there is none. */
  private findProblem(): string | undefined | null {
    const { batch, segment } = this
    if (!batch.next()) return batch.problem ?? null
    if (batch.nextOffset > segment.reachOffset || batch.baseOffset < this.offset) return OUT_OF_ORDER
    if (batch.baseOffset > this.offset && !this.isGapRight()) return OUT_OF_ORDER
    if (segment.isKnownDamage(batch.position)) return OUT_OF_ORDER
    if (batch.nextOffset <= this.verifyFrom) return undefined
    return batch.findProblem()
  }

  /**
   * Where something is wrong, the batch before is to blame if its CRC says so: it lied about where it ends, in offsets or in
   * bytes. The same where nothing is but offsets are missing.
   */
  private findLiar(problem: string | undefined | null): Place | undefined {
    const { previous, batch, segment, offset } = this
    if (previous === undefined) return undefined
    const isMissing = problem === null ? offset < segment.limitOffset : segment.isGapNew(offset, batch.baseOffset)
    if (!isMissing && typeof problem !== 'string') return undefined
    return segment.isWhole(previous.position) ? undefined : previous
  }

  private isGapRight(): boolean {
    const { position, sizeBytes, nextOffset } = this.batch
    if (position + sizeBytes >= this.segment.sizeBytes && nextOffset > this.lastGapUpTo) return false
    return this.segment.isGapRight(position + sizeBytes, nextOffset)
  }
}
