export type TimestampSource = 'CreateTime' | 'LogAppendTime'

/** How one partition's log keeps its batches: Kafka's topic configs, parsed. `Infinity` stands for Long.MAX. */
export interface LogConfig {
  /** A segment is closed before it would grow beyond this. */
  readonly segmentBytes: number
  /** A segment is closed when a batch this much younger than its first one arrives. */
  readonly segmentMs: number
  /** An index entry is written after more than this many bytes of batches. */
  readonly indexIntervalBytes: number
  /** The size at which an index is full, which closes the segment. */
  readonly segmentIndexBytes: number
  /** Segments whose newest record is older are deleted; negative: never. Needs the cleanup policy 'delete'. */
  readonly retentionMs: number
  /** The oldest segments are deleted as long as this much is left; negative: never. Needs the cleanup policy 'delete'. */
  readonly retentionBytes: number
  /** The largest batch that is accepted. */
  readonly maxMessageBytes: number
  readonly messageTimestampType: TimestampSource
  readonly messageTimestampAfterMaxMs: number
  readonly messageTimestampBeforeMaxMs: number
  readonly cleanupPolicy: ReadonlySet<'delete' | 'compact'>
  readonly flushMessages: number
  readonly flushMs: number
  readonly compressionType: string
  readonly deleteRetentionMs: number
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  /** Files of deleted segments stay this long under another name, for those who are still reading them. */
  readonly fileDeleteDelayMs: number
}

/** What Kafka 4.3 takes where nothing is configured. */
export const DEFAULT_LOG_CONFIG: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10_485_760,
  retentionMs: 604_800_000,
  retentionBytes: -1,
  maxMessageBytes: 1_048_588,
  messageTimestampType: 'CreateTime',
  messageTimestampAfterMaxMs: 3_600_000,
  messageTimestampBeforeMaxMs: Number.POSITIVE_INFINITY,
  cleanupPolicy: new Set(['delete'] as const),
  flushMessages: Number.POSITIVE_INFINITY,
  flushMs: Number.POSITIVE_INFINITY,
  compressionType: 'producer',
  deleteRetentionMs: 86_400_000,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.POSITIVE_INFINITY,
  fileDeleteDelayMs: 60_000,
}
