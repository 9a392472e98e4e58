import { TidemarkError } from '../errors.ts'
import type { PartitionError, TopicPartition } from './broker.ts'

/** An error as an answer carries it: plain data that can cross a socket. Anything unexpected becomes STORAGE_ERROR. */
export function toPartitionError(error: unknown): PartitionError {
  if (error instanceof TidemarkError) return { code: error.code, message: error.message }
  return { code: 'STORAGE_ERROR', message: error instanceof Error ? error.message : String(error) }
}

/** The error a client throws for an answer. */
export function fromPartitionError(error: PartitionError, place: Partial<TopicPartition> & { offset?: number } = {}) {
  return new TidemarkError(error.code, error.message, place)
}

export function unknownTopic({ topic, partition }: TopicPartition): TidemarkError {
  const message = `There is no partition ${partition} of a topic "${topic}".`
  return new TidemarkError('UNKNOWN_TOPIC', message, { topic, partition })
}
