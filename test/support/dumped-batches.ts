/** Batches as `tidemark dump` and as `DumpLogSegments` tell them, made alike. */
import type { BatchRow } from '../../sdk/inspect.ts'
import type { DumpedBatch } from './dump-log.ts'

/** A batch of ours as Kafka's tool tells it. */
export function asDumped(batch: BatchRow): Record<string, unknown> {
  const { baseOffset, lastOffset, recordCount, leaderEpoch, position, sizeBytes, codec, crc } = batch
  const { producerId, producerEpoch, baseSequence, isTransactional, isControl, deleteHorizonMs, maxTimestampMs } = batch
  const who = { producerId, producerEpoch, baseSequence, isTransactional, isControl }
  const place = { baseOffset, lastOffset, count: recordCount, partitionLeaderEpoch: leaderEpoch, position, sizeBytes }
  return { ...place, ...who, deleteHorizonMs, maxTimestampMs, codec, crc }
}

/** What both tell of a batch. */
export function withoutRecords(batch: DumpedBatch): Record<string, unknown> {
  const { records: _, lastSequence: __, magic: ___, isValid: ____, timestampType: _____, ...fields } = batch
  return { ...fields, codec: batch.codec.toLowerCase() }
}
