import { TidemarkError } from '../errors.ts'
import type { PendingBatch } from './pending-batch.ts'
import type { PartitionOffset } from './position.ts'

/** One `sendAll` under way: what it has handed over, and the first thing that went wrong. */
export class Sending {
  count = 0
  /** Told at once, so that nobody waits for more to send. */
  onFailure: (error: unknown) => void = () => {}
  /** By partition. */
  private readonly lastBatches: (PendingBatch | undefined)[] = []
  #failure: { readonly error: unknown } | undefined

  add(batch: PendingBatch): void {
    this.count++
    if (batch === this.lastBatches[batch.partition]) return
    this.lastBatches[batch.partition] = batch
    batch.sent.catch((error: unknown) => {
      this.#failure ??= { error }
      this.onFailure(error)
    })
  }

  /** Resolves when the last batch of every partition is answered; rejects with the first failure of any. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.lastBatches.map((batch) => batch?.sent))
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Why it ended before its source did, with what was sent until then. */
  interrupted(reason: TidemarkError, topic: string): TidemarkError {
    const lastOffsets = this.lastOffsets(topic)
    const ends = lastOffsets.map(({ partition, offset }) => `${topic}-${partition}@${offset}`).join(', ')
    const sent =
      this.count === 0
        ? 'Nothing was sent before.'
        : `${this.count} ${this.count === 1 ? 'record was' : 'records were'} sent before, up to ${ends}.`
    const place = { topic, cause: reason.cause, sent: { count: this.count, lastOffsets } }
    return new TidemarkError(reason.code, `${reason.message} ${sent}`, place)
  }

  lastOffsets(topic: string): PartitionOffset[] {
    return this.lastBatches.flatMap((batch) => {
      if (batch?.receipt === undefined) return []
      return [{ topic, partition: batch.partition, offset: batch.receipt.baseOffset + batch.recordCount - 1 }]
    })
  }
}
