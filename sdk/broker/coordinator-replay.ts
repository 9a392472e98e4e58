import { TidemarkError } from '../errors.ts'
import type { LogView } from '../log/log-view.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { readSlices } from './log-requests.ts'

/**
 * Replays a partition that a coordinator wrote from `fromOffset` on and returns the offset behind it. Damaged batches are
 * passed over and told: groups then stand at an earlier commit, so records come again, but none is skipped.
 */
export function replayCoordinatorLog(
  log: LogView,
  fromOffset: number,
  replay: (batch: RecordBatch) => void,
  onDamage: (message: string) => void,
  consequence = 'Groups that committed there stand at an earlier commit.',
): number {
  const place = `${log.topic}-${log.partition}`
  const tell = (what: string) => onDamage(`${what} of ${place} cannot be read. ${consequence}`)
  let nextOffset = Math.max(fromOffset, log.logStartOffset)
  const slices = readSlices(log, nextOffset, ({ range }) => {
    tell(`What was at offsets ${range.fromOffset} to ${range.toOffset - 1}`)
  })
  for (const slice of slices) {
    for (const batch of scanBatches(slice, { verify: 'header' }).batches) {
      if (batch.lastOffset < nextOffset) continue
      const problem = batch.isValid() ? replayed(batch, replay) : 'its checksum is wrong'
      if (problem !== null) tell(`The batch at offset ${batch.baseOffset} (${problem})`)
      nextOffset = batch.nextOffset
    }
  }
  return Math.max(nextOffset, log.logEndOffset)
}

/** What is wrong with the records of a batch whose bytes are whole, or null. Whoever wrote them was no coordinator. */
function replayed(batch: RecordBatch, replay: (batch: RecordBatch) => void): string | null {
  try {
    replay(batch)
    return null
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'CORRUPT_BATCH') return error.message.replace(/\.$/, '')
    throw error
  }
}
