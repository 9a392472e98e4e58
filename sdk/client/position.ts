import type { Broker, Isolation, ListOffsetsRequest, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'

/**
 * A place in a partition: its first record, its end, the first record at or after a time (the end if there is none), or
 * an offset.
 */
export type Position = 'earliest' | 'latest' | { readonly timestampMs: number } | { readonly offset: number }

/** One partition's answer to "where is that?". */
export interface PartitionOffset extends TopicPartition {
  /** The offset there. */
  readonly offset: number
}

/** The offset of `position` in each partition, in the order asked. @throws {TidemarkError} UNKNOWN_TOPIC, STORAGE_ERROR */
export async function offsetsAt(
  broker: Broker,
  partitions: readonly TopicPartition[],
  position: Position,
  isolation: Isolation = 'read_uncommitted',
): Promise<PartitionOffset[]> {
  if (partitions.length === 0) return []
  if (typeof position === 'object' && 'offset' in position) {
    return partitions.map(({ topic, partition }) => ({ topic, partition, offset: position.offset }))
  }
  const found = await list(broker, partitions, position, isolation)
  if (found.every(({ offset }) => offset >= 0)) return found
  const ends = await list(broker, partitions, 'latest', isolation)
  return found.map((each, index) => (each.offset >= 0 ? each : (ends[index] as PartitionOffset)))
}

async function list(
  broker: Broker,
  partitions: readonly TopicPartition[],
  at: ListOffsetsRequest['partitions'][number]['at'],
  isolation: Isolation,
): Promise<PartitionOffset[]> {
  const request = { isolation, partitions: partitions.map(({ topic, partition }) => ({ topic, partition, at })) }
  const answers = (await broker.listOffsets(request)).partitions
  return partitions.map(({ topic, partition }) => {
    const answer = answers.find((each) => each.topic === topic && each.partition === partition)
    if (answer?.error) throw fromPartitionError(answer.error, { topic, partition })
    return { topic, partition, offset: answer?.offset ?? -1 }
  })
}
