import type { FetchedPartition } from '../broker/broker.ts'
import type { RecordBatch } from '../record/record-batch.ts'

/** The type of an ABORT marker, in the second int16 of a control record's key. */
const ABORT = 0

/**
 * Tells the batches of aborted transactions in one fetch answer, which lists where such transactions begin. Every batch
 * of the answer is to be shown to it, in order.
 */
export class AbortedTransactions {
  readonly #left: { readonly producerId: number; readonly firstOffset: number }[]
  readonly #open = new Set<number>()

  constructor(aborted: FetchedPartition['abortedTransactions']) {
    this.#left = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the records of `batch` were never committed. */
  covers(batch: RecordBatch): boolean {
    while (this.#left.length > 0 && this.#left[0]!.firstOffset <= batch.lastOffset) {
      this.#open.add(this.#left.shift()!.producerId)
    }
    if (!batch.isTransactional) return false
    if (batch.isControl && isAbortMarker(batch)) this.#open.delete(batch.producerId)
    return this.#open.has(batch.producerId)
  }
}

function isAbortMarker(batch: RecordBatch): boolean {
  const key = batch.records()[0]?.key
  return key != null && key.length >= 4 && key.readInt16BE(2) === ABORT
}
