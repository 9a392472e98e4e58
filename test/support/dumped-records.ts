/** What `DumpLogSegments` says of one partition's log, as a consumer would have to see it. */
import type { DumpedBatch, DumpedRecord } from './dump-log.ts'

export type Isolation = 'read_uncommitted' | 'read_committed'

/** The records that consumers get: no markers, nothing below the log's start. */
export function visibleRecords(
  batches: readonly DumpedBatch[],
  logStartOffset: number,
  isolation: Isolation,
): DumpedRecord[] {
  const isHidden = isolation === 'read_committed' ? hiddenBatches(batches) : () => false
  return batches
    .filter((batch) => !batch.isControl && !isHidden(batch))
    .flatMap((batch) => batch.records)
    .filter((record) => record.offset >= logStartOffset)
}

/** Those of transactions that were aborted, and all from the first record of one that is open. Worked out from the markers alone. */
function hiddenBatches(batches: readonly DumpedBatch[]): (batch: DumpedBatch) => boolean {
  const open = new Map<number, DumpedBatch[]>()
  const aborted = new Set<DumpedBatch>()
  for (const batch of batches) {
    if (!batch.isTransactional) continue
    if (!batch.isControl) {
      open.set(batch.producerId, [...(open.get(batch.producerId) ?? []), batch])
      continue
    }
    const isAbort = batch.records.some((record) => record.control?.includes('endTxnMarker: ABORT'))
    if (isAbort) for (const each of open.get(batch.producerId) ?? []) aborted.add(each)
    open.delete(batch.producerId)
  }
  const lastStableOffset = Math.min(...[...open.values()].map((each) => each[0]!.baseOffset), Number.POSITIVE_INFINITY)
  return (batch) => aborted.has(batch) || batch.baseOffset >= lastStableOffset
}
