import { type ErrorPlace, TidemarkError } from '../errors.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { sequenceAfter } from '../record/sequence.ts'
import type { ProducerEntry, ProducerState, StoredBatch } from './producer-state.ts'

/**
 * What Kafka's leader asks of a batch with a producer id before it appends it. Returns the batch as it was stored before, if
 * it was: then it is not to be stored again. Who is not known may begin with any sequence.
 *
 * @param recall reads a producer's newest batches from the log
 * @throws {TidemarkError} OUT_OF_ORDER_SEQUENCE, INVALID_PRODUCER_EPOCH
 */
export function findStored(
  producers: ProducerState,
  batch: RecordBatch,
  place: ErrorPlace,
  recall: (entry: ProducerEntry) => readonly StoredBatch[],
): StoredBatch | undefined {
  const { producerId, producerEpoch, baseSequence, lastOffsetDelta } = batch
  const entry = producerId < 0 ? undefined : producers.entry(producerId)
  if (entry === undefined) return undefined
  if (producerEpoch < entry.producerEpoch) throw fenced(batch, entry, place)
  const isSameEpoch = producerEpoch === entry.producerEpoch
  const expected = isSameEpoch ? sequenceAfter(entry.lastSequence, 1) : 0
  if (baseSequence === expected) return undefined
  if (!isSameEpoch) throw outOfOrder(batch, expected, place)
  const lastSequence = sequenceAfter(baseSequence, lastOffsetDelta)
  const stored = producers
    .recentBatches(producerId, recall)
    .find((each) => each.firstSequence === baseSequence && each.lastSequence === lastSequence)
  if (stored === undefined) throw outOfOrder(batch, expected, place)
  return stored
}

function fenced({ producerId, producerEpoch }: RecordBatch, entry: ProducerEntry, place: ErrorPlace): TidemarkError {
  const message = `Producer ${producerId} goes on with epoch ${entry.producerEpoch}; a batch of its epoch ${producerEpoch} comes too late.`
  return new TidemarkError('INVALID_PRODUCER_EPOCH', message, place)
}

function outOfOrder(batch: RecordBatch, expected: number, place: ErrorPlace): TidemarkError {
  const { producerId, producerEpoch, baseSequence } = batch
  const message = `Producer ${producerId} (epoch ${producerEpoch}) sends sequence ${baseSequence} to ${place.topic}-${place.partition}, where ${expected} is next: what is between is missing.`
  return new TidemarkError('OUT_OF_ORDER_SEQUENCE', message, place)
}
