/** How Kafka creates `__transaction_state`. */
export const TRANSACTION_STATE_PARTITIONS = 50
export const TRANSACTION_STATE_CONFIGS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'compression.type': 'uncompressed',
  'segment.bytes': '104857600',
  'unclean.leader.election.enable': 'false',
}

/**
 * How Kafka creates `__consumer_offsets`; never retained by time, since a compacted log has no retention. What a group
 * committed before the segment that is written to, at most 100 MiB or a week, is compacted.
 */
export const OFFSETS_TOPIC_PARTITIONS = 50
export const OFFSETS_TOPIC_CONFIGS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'compression.type': 'producer',
  'segment.bytes': '104857600',
}
