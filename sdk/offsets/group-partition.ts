import { OFFSETS_TOPIC_PARTITIONS } from '../topic/internal-topics.ts'

/** Java's `String.hashCode`: over UTF-16 units, an int32. */
export function javaHash(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return hash
}

/**
 * The partition of `__consumer_offsets` that holds a group: everything about a group is in one. `partitionCount` must be
 * the topic's own, which a broker may have been told to make other than 50.
 */
export function groupPartition(group: string, partitionCount: number = OFFSETS_TOPIC_PARTITIONS): number {
  const hash = javaHash(group)
  // The one int32 without a positive counterpart counts as 0 in Kafka.
  return hash === -0x8000_0000 ? 0 : Math.abs(hash) % partitionCount
}
