import type { BatchWalker } from './batch-walker.ts'
import type { Place, Segment } from './segment.ts'

/** A count is remembered about this often, so that no answer walks more headers than this many bytes have. */
const CHECKPOINT_BYTES = 262_144

/** How many records a segment holds below an offset. The headers are walked once; later questions start at a checkpoint. */
export class RecordCounts {
  private readonly segment: Segment
  private offsets: number[] = []
  private positions: number[] = []
  private totals: number[] = []
  private walkedBytes = 0
  private walkedOffset = 0
  private total = 0

  constructor(segment: Segment) {
    this.segment = segment
  }

  /** Records with an offset below `offset`, control records left out. */
  below(offset: number): number {
    this.catchUp()
    const checkpoint = this.checkpointAt(offset)
    let count = checkpoint < 0 ? 0 : this.totals[checkpoint]!
    this.segment.visit(this.checkpoint(checkpoint), (walker) => {
      if (walker.baseOffset >= offset) return false
      count += countOf(walker, offset)
      return true
    })
    return count
  }

  all(): number {
    this.catchUp()
    return this.total
  }

  /** The segment was cut: start again. */
  reset(): void {
    this.offsets = []
    this.positions = []
    this.totals = []
    this.walkedBytes = 0
    this.total = 0
  }

  private catchUp(): void {
    if (this.walkedBytes >= this.segment.sizeBytes) return
    const { walkedBytes, walkedOffset } = this
    const start = walkedBytes === 0 ? this.segment.begin : { position: walkedBytes, offset: walkedOffset }
    this.segment.visit(start, (walker) => {
      const last = this.positions.at(-1) ?? 0
      if (walker.position - last >= CHECKPOINT_BYTES) {
        this.offsets.push(walker.baseOffset)
        this.positions.push(walker.position)
        this.totals.push(this.total)
      }
      if (!walker.isControl) this.total += walker.recordCount
      this.walkedOffset = walker.nextOffset
    })
    this.walkedBytes = this.segment.sizeBytes
  }

  private checkpoint(at: number): Place {
    return at < 0 ? this.segment.begin : { position: this.positions[at]!, offset: this.offsets[at]! }
  }

  /** The last checkpoint at or below `offset`. */
  private checkpointAt(offset: number): number {
    let low = 0
    let high = this.offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.offsets[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** Records of the batch the walker is on, below `offset`. */
function countOf(walker: BatchWalker, offset: number): number {
  if (walker.isControl) return 0
  if (walker.nextOffset <= offset) return walker.recordCount
  // Where no record was removed, offsets are a row; only otherwise do the records have to be looked at.
  if (walker.recordCount === walker.nextOffset - walker.baseOffset) return offset - walker.baseOffset
  const batch = walker.batch()
  if (!batch.isValid()) return 0
  const cursor = batch.cursor()
  let count = 0
  while (cursor.next() && cursor.offset < offset) count++
  return count
}
