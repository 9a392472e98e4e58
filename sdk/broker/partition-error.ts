import { TidemarkError } from '../errors.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import type { PartitionError, ProduceResponse, TopicPartition } from './broker.ts'

/**
 * An error as an answer carries it: plain data that can cross a socket. What the operating system refused is a
 * STORAGE_ERROR; anything else is a bug of ours, which fails the whole request instead of being taken for the disk's.
 */
export function toPartitionError(error: unknown): PartitionError {
  const known = asDiskFailure(error, 'read or write')
  if (known instanceof TidemarkError) return { code: known.code, message: known.message }
  throw known
}

/** The answer to a Produce request for a partition to which nothing was appended. */
export function notAppended(
  { topic, partition }: TopicPartition,
  error: unknown,
): ProduceResponse['partitions'][number] {
  const none = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, survives: 'process-crash' } as const
  return { topic, partition, error: toPartitionError(error), ...none }
}

/** The error a client throws for an answer. */
export function fromPartitionError(error: PartitionError, place: Partial<TopicPartition> & { offset?: number } = {}) {
  return new TidemarkError(error.code, error.message, place)
}

export function unknownTopic({ topic, partition }: TopicPartition): TidemarkError {
  const message = `There is no partition ${partition} of a topic "${topic}".`
  return new TidemarkError('UNKNOWN_TOPIC', message, { topic, partition })
}
