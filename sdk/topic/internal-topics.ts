/** How Kafka creates `__consumer_offsets`; never retained by time, since a compacted log has no retention. */
export const OFFSETS_TOPIC_PARTITIONS = 50
export const OFFSETS_TOPIC_CONFIGS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'compression.type': 'producer',
  'segment.bytes': '104857600',
}
