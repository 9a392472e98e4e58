import type { RecordBatch } from '../record/record-batch.ts'
import type { Segment } from './segment.ts'

/** A record found by its timestamp. */
export interface RecordTime {
  readonly offset: number
  readonly timestampMs: number
  readonly leaderEpoch: number
}

/** The first record from `fromOffset` on that is not older than `timestampMs`. Damaged batches are passed over. */
export function findTimestamp(
  segments: readonly Segment[],
  timestampMs: number,
  fromOffset: number,
): RecordTime | undefined {
  for (const segment of segments) {
    if (segment.limitOffset <= fromOffset || segment.maxTimestampMs < timestampMs) continue
    let found: RecordTime | undefined
    segment.visit(segment.locateTime(timestampMs, fromOffset), (walker) => {
      if (walker.maxTimestampMs < timestampMs || walker.nextOffset <= fromOffset) return true
      found = findInBatch(walker.batch(), timestampMs, fromOffset)
      return found === undefined
    })
    if (found !== undefined) return found
  }
  return undefined
}

/** The youngest record from `fromOffset` on; the first of several. */
export function findMaxTimestamp(segments: readonly Segment[], fromOffset: number): RecordTime | undefined {
  const candidates = segments
    .filter((segment) => segment.limitOffset > fromOffset && segment.maxTimestampMs >= 0)
    .sort((one, other) => other.maxTimestampMs - one.maxTimestampMs || one.baseOffset - other.baseOffset)
  for (const segment of candidates) {
    const found = findTimestamp([segment], segment.maxTimestampMs, fromOffset)
    if (found !== undefined) return found
  }
  return undefined
}

function findInBatch(batch: RecordBatch, timestampMs: number, fromOffset: number): RecordTime | undefined {
  if (!batch.isValid()) return undefined
  const cursor = batch.cursor()
  while (cursor.next()) {
    if (cursor.timestampMs < timestampMs || cursor.offset < fromOffset) continue
    return { offset: cursor.offset, timestampMs: cursor.timestampMs, leaderEpoch: batch.partitionLeaderEpoch }
  }
  return undefined
}
