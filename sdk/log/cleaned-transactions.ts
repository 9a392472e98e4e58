import type { RecordBatch } from '../record/record-batch.ts'
import type { AbortedTransaction } from './transaction-index.ts'

const ABORT = 0
const COMMIT = 1

interface OpenAbort {
  readonly aborted: AbortedTransaction
  /** Whether any of its data is still there. */
  hasData: boolean
}

/**
 * Follows the transactions of a log while it is compacted, batch by batch: data of aborted ones goes at once, a marker only
 * when nothing of its transaction is left. Kafka's rules.
 */
export class CleanedTransactions {
  /** Aborted transactions whose data was still there: the new segment's `.txnindex` must go on telling of them. */
  retained: AbortedTransaction[] = []
  /** Those that begin further on, by their first offset. */
  #ahead: AbortedTransaction[] = []
  readonly #known = new Set<number>()
  readonly #aborts = new Map<number, OpenAbort>()
  readonly #committed = new Set<number>()

  /** Transactions that were aborted in the part of the log that comes next. */
  expect(aborted: readonly AbortedTransaction[]): void {
    const added = aborted.filter(({ lastOffset }) => !this.#known.has(lastOffset))
    for (const { lastOffset } of added) this.#known.add(lastOffset)
    this.#ahead = [...this.#ahead, ...added].sort((one, other) => one.firstOffset - other.firstOffset)
  }

  /** A batch of data; true when its transaction was aborted. */
  isAborted(batch: RecordBatch): boolean {
    this.#begin(batch.lastOffset)
    if (!batch.isTransactional) return false
    const abort = this.#aborts.get(batch.producerId)
    if (abort === undefined) this.#committed.add(batch.producerId)
    else abort.hasData = true
    return abort !== undefined
  }

  /** A control batch; true when nothing of the transaction that it ends is left. */
  isMarkerOfNothing(batch: RecordBatch): boolean {
    this.#begin(batch.lastOffset)
    const [marker] = batch.records()
    if (marker === undefined) return true
    const type = marker.key !== null && marker.key.length >= 4 ? marker.key.readInt16BE(2) : -1
    if (type === COMMIT) return !this.#committed.delete(batch.producerId)
    if (type !== ABORT) return false
    const abort = this.#aborts.get(batch.producerId)
    this.#aborts.delete(batch.producerId)
    if (abort?.hasData !== true) return true
    this.retained.push(abort.aborted)
    return false
  }

  #begin(upTo: number): void {
    while (this.#ahead[0] !== undefined && this.#ahead[0].firstOffset <= upTo) {
      const aborted = this.#ahead.shift()!
      if (!this.#aborts.has(aborted.producerId)) this.#aborts.set(aborted.producerId, { aborted, hasData: false })
    }
  }
}
