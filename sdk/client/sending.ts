import { TidemarkError } from '../errors.ts'
import type { PendingBatch } from './pending-batch.ts'
import type { PartitionOffset } from './position.ts'

/** One `sendAll` under way: what it has handed over, and the first thing that went wrong. */
export class Sending {
  count = 0
  /** By partition. */
  private readonly lastBatches: (PendingBatch | undefined)[] = []
  #failure: { readonly error: unknown } | undefined

  add(batch: PendingBatch): void {
    this.count++
    if (batch === this.lastBatches[batch.partition]) return
    this.lastBatches[batch.partition] = batch
    batch.sent.catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }

  /** Throws what went wrong so far, or ABORTED. */
  check(signal: AbortSignal | undefined): void {
    if (this.#failure !== undefined) throw this.#failure.error
    if (signal?.aborted !== true) return
    throw new TidemarkError('ABORTED', 'sendAll was aborted by its signal; what was sent before stays sent.', {
      cause: signal.reason,
    })
  }

  /** Resolves when the last batch of every partition is answered; rejects with the first failure of any. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.lastBatches.map((batch) => batch?.sent))
    if (this.#failure !== undefined) throw this.#failure.error
  }

  lastOffsets(topic: string): PartitionOffset[] {
    return this.lastBatches.flatMap((batch) => {
      if (batch?.receipt === undefined) return []
      return [{ topic, partition: batch.partition, offset: batch.receipt.baseOffset + batch.recordCount - 1 }]
    })
  }
}
