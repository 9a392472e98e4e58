import type { BatchWalker } from './batch-walker.ts'
import { OUT_OF_ORDER, type Place, type Segment } from './segment.ts'

export interface ScanRange {
  /** The batch to begin with: the first of the segment, or one that is known to be right. */
  readonly start: Place
  /** Batches that reach beyond this offset have their CRC checked, others only their header. */
  readonly verifyFrom: number
  /** Behind the last segment nothing vouches for a batch that leaves a gap. */
  readonly isLast: boolean
}

export interface ScanEnd {
  /** Behind the last batch, or the last damage that has a batch behind it. */
  readonly position: number
  readonly nextOffset: number
  /** What is wrong with the bytes behind `position`, if there are any: no valid batch follows in this segment. */
  readonly problem: string | undefined
}

/** Goes through a segment batch by batch, as far as there are any, and notes the damage between them. Changes nothing on disk. */
export class SegmentScan {
  private readonly segment: Segment
  private readonly range: ScanRange
  private readonly walker: BatchWalker
  private offset: number

  constructor(segment: Segment, range: ScanRange) {
    this.segment = segment
    this.range = range
    this.walker = segment.walk(range.start.position, range.start.offset >= range.verifyFrom)
    this.offset = range.start.offset
  }

  run(visit: (walker: BatchWalker) => void): ScanEnd {
    const { walker, segment } = this
    for (;;) {
      const problem = this.nextProblem()
      if (problem === undefined) {
        visit(walker)
        this.offset = walker.nextOffset
        continue
      }
      const { position } = walker
      if (problem === null) return { position, nextOffset: this.offset, problem: undefined }
      const next = segment.passDamage(position, this.offset, problem)
      if (next === undefined) return { position, nextOffset: this.offset, problem }
      this.offset = next.offset
      walker.seek(next.position)
    }
  }

  /** What is wrong with the next batch; undefined: nothing; null: there is none. */
  private nextProblem(): string | undefined | null {
    const { walker } = this
    if (!walker.next()) return walker.problem ?? null
    if (walker.baseOffset !== this.offset && !this.isGap()) return OUT_OF_ORDER
    if (walker.nextOffset > this.segment.limitOffset) return OUT_OF_ORDER
    if (walker.nextOffset <= this.range.verifyFrom) return undefined
    return walker.batch().findProblem() ?? undefined
  }

  /** Base offsets are not under the CRC. Where compaction left a gap, what follows must agree with it. */
  private isGap(): boolean {
    const { walker, segment } = this
    if (walker.baseOffset < this.offset) return false
    const end = walker.position + walker.sizeBytes
    if (end >= segment.sizeBytes) return !this.range.isLast && walker.nextOffset <= segment.limitOffset
    const following = segment.peek(end)
    return following !== undefined && following.baseOffset >= walker.nextOffset
  }
}
