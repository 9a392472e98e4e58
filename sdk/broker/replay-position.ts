import { TidemarkError } from '../errors.ts'
import type { LogView } from '../log/log-view.ts'
import { BATCH_HEADER_BYTES, type RecordBatch } from '../record/record-batch.ts'

/** How far a log that somebody else writes was replayed, and by which batch to tell whether it still is the same log. */
export class ReplayPosition {
  /** Everything below was replayed. */
  nextOffset = 0
  #lastOffset = -1
  #lastHeader = Buffer.alloc(0)

  /** The header holds offsets, epoch and CRC, so no other batch has the same. */
  passed(batch: RecordBatch): void {
    this.nextOffset = batch.nextOffset
    this.#lastOffset = batch.baseOffset
    this.#lastHeader = Buffer.from(batch.bytes.subarray(0, BATCH_HEADER_BYTES))
  }

  /** Whether the log still has what was replayed last, so that one can go on behind it. Throws STORAGE_ERROR. */
  isIn(log: LogView): boolean {
    if (log.logEndOffset < this.nextOffset || log.logStartOffset > this.nextOffset) return false
    if (this.#lastOffset < log.logStartOffset) return true
    try {
      const found = log.read(this.#lastOffset, 1, { limit: 'logEndOffset' })
      return found.subarray(0, BATCH_HEADER_BYTES).equals(this.#lastHeader)
    } catch (error) {
      if (error instanceof TidemarkError && error.code !== 'STORAGE_ERROR') return false
      throw error
    }
  }
}
