import type { Broker, TopicPartition } from '../broker/broker.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { BatchScan } from './batch-scan.ts'

/** What counting may read. Counted down. */
export interface CountBudget {
  bytes: number
}

/** Offsets from `from` to `to` that were looked at. */
interface Span {
  readonly from: number
  to: number
  /** Records there. */
  count: number
}

/** Beyond this many remembered spans, as a compacted topic makes them, they are forgotten and counted anew. */
const MAX_SPANS = 10_000

/**
 * Counts the records that are really there, by batch headers: control records, and the gaps of compaction, left out.
 * What was counted is remembered, so watching a growing log reads only what is new.
 */
export class RecordCounter {
  readonly #scan: BatchScan
  /** By their first offset; where two overlap, either is right. In a log without gaps it is one. */
  #spans: Span[] = []
  #seenEnd = 0

  constructor(broker: Broker, place: TopicPartition) {
    this.#scan = new BatchScan(broker, place)
  }

  /** Records with offsets from `from` up to, and not, `to`; null where the budget ends before that is known. */
  async count(from: number, to: number, budget: CountBudget): Promise<number | null> {
    // A log that was cut and written anew has other batches at the same offsets.
    if (to < this.#seenEnd || this.#spans.length > MAX_SPANS) this.#spans = []
    this.#seenEnd = to
    let offset = from
    let total = 0
    while (offset < to) {
      const span = this.#spanAt(offset)
      const known = span === undefined ? undefined : countInSpan(span, offset, to)
      if (span !== undefined && known !== undefined) {
        total += known
        offset = span.to
        continue
      }
      if (budget.bytes <= 0) return null
      const { batches, nextOffset, sizeBytes } = await this.#scan.slice(offset)
      if (nextOffset <= offset) return total
      // An empty answer that moves on costs a request all the same.
      budget.bytes -= sizeBytes + 1
      total += countInBatches(batches, offset, to)
      if (span === undefined)
        this.#remember({ from: offset, to: nextOffset, count: countInBatches(batches, offset, nextOffset) })
      offset = nextOffset
    }
    return total
  }

  #spanAt(offset: number): Span | undefined {
    return this.#spans.find((span) => span.from <= offset && offset < span.to)
  }

  #remember(span: Span): void {
    const at = this.#spans.findLastIndex(({ from }) => from <= span.from) + 1
    const before = this.#spans[at - 1]
    if (before !== undefined && before.to === span.from && isDense(before) && isDense(span)) {
      before.to = span.to
      before.count += span.count
      return
    }
    this.#spans.splice(at, 0, span)
  }
}

function isDense({ from, to, count }: Span): boolean {
  return count === to - from
}

/** Undefined where a span has gaps and only a part of it is asked for. */
function countInSpan(span: Span, from: number, to: number): number | undefined {
  if (isDense(span)) return Math.min(span.to, to) - from
  return span.from === from && span.to <= to ? span.count : undefined
}

function countInBatches(batches: readonly RecordBatch[], from: number, to: number): number {
  let total = 0
  for (const batch of batches) if (!batch.isControl) total += countInBatch(batch, from, to)
  return total
}

function countInBatch(batch: RecordBatch, from: number, to: number): number {
  const { baseOffset, nextOffset, recordCount } = batch
  const start = Math.max(baseOffset, from)
  const end = Math.min(nextOffset, to)
  if (start >= end) return 0
  if (start === baseOffset && end === nextOffset) return recordCount
  if (recordCount === nextOffset - baseOffset) return end - start
  let count = 0
  for (const cursor = batch.cursor(); cursor.next(); ) if (cursor.offset >= start && cursor.offset < end) count++
  return count
}
