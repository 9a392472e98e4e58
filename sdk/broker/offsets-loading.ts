import type { LogView } from '../log/log-view.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { readSlices } from './log-requests.ts'

/**
 * Replays an offsets partition from `fromOffset` on and returns the offset behind it. A damaged batch is passed over and
 * told: its groups then stand at an earlier commit, so records come again, but none is skipped.
 */
export function loadGroups(
  log: LogView,
  fromOffset: number,
  replay: (batch: RecordBatch) => void,
  onDamage: (message: string) => void,
): number {
  let nextOffset = Math.max(fromOffset, log.logStartOffset)
  for (const slice of readSlices(log, nextOffset, 'logEndOffset')) {
    const { batches, problem } = scanBatches(slice, { verify: 'header' })
    for (const batch of batches) {
      if (batch.lastOffset < nextOffset) continue
      if (batch.isValid()) replay(batch)
      else onDamage(`the batch at offset ${batch.baseOffset} is damaged, and with it the commits it held.`)
      nextOffset = batch.nextOffset
    }
    if (problem !== null && problem.kind !== 'incomplete') onDamage(problem.reason)
  }
  return nextOffset
}
