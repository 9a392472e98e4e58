import type { Survives } from '../broker/broker.ts'

/** What the broker said about a batch. */
export interface BatchReceipt {
  readonly baseOffset: number
  /** −1: the records keep the timestamps they were sent with. */
  readonly logAppendTimeMs: number
  readonly survives: Survives
}

/** Records of one partition that are sent together. Its records share one promise. */
export class PendingBatch {
  readonly partition: number
  readonly sent: Promise<BatchReceipt>
  /** Set when `sent` has resolved. */
  receipt: BatchReceipt | undefined
  /** What it counts for in the queue. */
  queuedBytes = 0
  recordCount = 0
  /** The batch, finished but for who sends it; until it is answered. */
  bytes: Buffer | undefined
  /** Told just before `sent` is settled, with the error if there is one. */
  onAnswer: (error?: unknown) => void = () => {}
  readonly #resolve: (receipt: BatchReceipt) => void
  readonly #reject: (error: unknown) => void

  constructor(partition: number) {
    this.partition = partition
    const { promise, resolve, reject } = Promise.withResolvers<BatchReceipt>()
    this.sent = promise
    this.#resolve = resolve
    this.#reject = reject
    // Every record's own promise tells of a failure; this one has nobody to tell.
    promise.catch(() => {})
  }

  resolve(receipt: BatchReceipt): void {
    this.receipt = receipt
    this.bytes = undefined
    this.onAnswer()
    this.#resolve(receipt)
  }

  reject(error: unknown): void {
    this.bytes = undefined
    this.onAnswer(error)
    this.#reject(error)
  }
}
