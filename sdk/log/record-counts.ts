import type { BatchWalker } from './batch-walker.ts'
import type { Place, Segment } from './segment.ts'

/** A count is remembered about this often, so that no answer walks more headers than this many bytes have. */
const CHECKPOINT_BYTES = 262_144

/** As much is walked anew for each question, without counting the whole segment first. */
const DIRECT_BYTES = 4_194_304

/** How many records a segment holds between two offsets. The headers are walked once; later questions start at a checkpoint. */
export class RecordCounts {
  private readonly segment: Segment
  private offsets: number[] = []
  private positions: number[] = []
  private totals: number[] = []
  private walkedBytes = 0
  private walkedOffset = 0
  private total = 0
  /** The batch in which the last question began, if each of its offsets has a record: where many ask, the next one does too. */
  private row: { readonly position: number; readonly from: number; readonly to: number } | undefined

  constructor(segment: Segment) {
    this.segment = segment
  }

  /** Records with an offset from `from` up to `to`, control records left out. */
  between(from: number, to: number): number {
    const { segment, row } = this
    if (row !== undefined && row.from <= from && to <= row.to && !segment.isKnownDamage(row.position)) return to - from
    const start = from <= segment.baseOffset ? segment.begin : segment.locate(from)
    const endPosition = to >= segment.limitOffset ? segment.sizeBytes : segment.locate(to).position
    if (endPosition - start.position <= DIRECT_BYTES) return this.walk(start, from, to)
    return this.below(to) - this.below(from)
  }

  private below(offset: number): number {
    this.catchUp()
    if (offset >= this.segment.limitOffset) return this.total
    const checkpoint = this.checkpointAt(offset)
    return (this.totals[checkpoint] ?? 0) + this.walk(this.checkpoint(checkpoint), this.segment.baseOffset, offset)
  }

  private walk(start: Place, from: number, to: number): number {
    let count = 0
    this.segment.visit(start, (batch) => {
      if (batch.baseOffset >= to) return false
      if (batch.nextOffset <= from) return true
      if (batch.baseOffset <= from && isRow(batch)) {
        this.row = { position: batch.position, from: batch.baseOffset, to: batch.nextOffset }
      }
      count += countOf(batch, from, to)
      return true
    })
    return count
  }

  /** The segment was cut: start again. */
  reset(): void {
    this.offsets = []
    this.positions = []
    this.totals = []
    this.walkedBytes = 0
    this.total = 0
    this.row = undefined
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

/** Whether each offset of the batch has a record, as long as none was removed. */
function isRow({ isControl, recordCount, baseOffset, nextOffset }: BatchWalker): boolean {
  return !isControl && recordCount === nextOffset - baseOffset
}

/** Records of the batch the walker is on, from `from` up to `to`. */
function countOf(walker: BatchWalker, from: number, to: number): number {
  if (walker.isControl) return 0
  const { baseOffset, nextOffset, recordCount } = walker
  if (from <= baseOffset && nextOffset <= to) return recordCount
  // Only where some were removed do the records have to be looked at.
  if (isRow(walker)) return Math.min(to, nextOffset) - Math.max(from, baseOffset)
  const batch = walker.batch()
  if (!batch.isValid()) return 0
  const cursor = batch.cursor()
  let count = 0
  while (cursor.next() && cursor.offset < to) if (cursor.offset >= from) count++
  return count
}
