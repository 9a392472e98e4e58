import { encodeBatch } from '../record/batch-builder.ts'

/** A record of `__consumer_offsets`, ready to be appended. A null value is a tombstone. */
export interface CoordinatorRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/**
 * One batch as Kafka's group coordinator writes it: its base sequence is 0, though it has no producer or, inside a
 * transaction, that one's. A list that belongs together must be one batch: that is what makes it atomic.
 */
export function encodeCoordinatorBatch(
  records: readonly CoordinatorRecord[],
  timestampMs: number,
  producer?: { readonly producerId: number; readonly producerEpoch: number },
): Buffer {
  const inputs = records.map(({ key, value }) => ({ key, value, timestampMs }))
  return encodeBatch(inputs, { baseSequence: 0, ...producer, isTransactional: producer !== undefined })
}
