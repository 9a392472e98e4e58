import { readSlices } from '../broker/log-requests.ts'
import type { LogView } from '../log/log-view.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { decodeControlRecord } from '../topic/control-record.ts'
import { decodeTransaction, decodeTransactionKey } from '../transaction/transaction-record.ts'

/**
 * How far logs may be copied so that every transaction is in the copy as a whole or not at all. Whoever opens the copy ends
 * each of them as the copied `__transaction_state` says; one that was committed after that was copied has its marker in the
 * logs that come later in the copy, and not in those that came before. So a log ends in the copy in front of the first such
 * marker. It is known by its epoch: before `transaction.version` 2 transactions share one, and such a copy may have a half.
 */
export class CopiedTransactions {
  /** Where logs ended before `__transaction_state` was copied: all markers before are decided there. */
  readonly #ends = new Map<string, number>()
  /** The last epoch of each producer that the copied state knows: transactions have each their own, which only go up. */
  readonly #epochs = new Map<number, number>()

  noteEnd(name: string, logEndOffset: number): void {
    this.#ends.set(name, logEndOffset)
  }

  /** Of the copied state. Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(batch: RecordBatch): void {
    if (batch.isControl) return
    for (const { key, value } of batch.records()) {
      if (value === null || decodeTransactionKey(key) === undefined) continue
      const { producerId, producerEpoch } = decodeTransaction(value)
      this.#epochs.set(producerId, Math.max(producerEpoch, this.#epochs.get(producerId) ?? -1))
    }
  }

  /** Where the log is to end. */
  endOf(name: string, log: LogView): number {
    for (const slice of readSlices(log, this.#ends.get(name) ?? 0, () => {})) {
      for (const batch of scanBatches(slice, { verify: 'header' }).batches) {
        if (this.#isTooLate(batch)) return batch.baseOffset
      }
    }
    return log.logEndOffset
  }

  #isTooLate(batch: RecordBatch): boolean {
    if (!batch.isControl || !batch.isTransactional) return false
    const { producerId, producerEpoch } = batch
    if (producerEpoch <= (this.#epochs.get(producerId) ?? -1)) return false
    const [marker] = batch.records()
    return marker !== undefined && decodeControlRecord(marker.key, marker.value).type === 'Commit'
  }
}
