import type { Broker, TopicPartition } from '../broker/broker.ts'
import { CommitHistory, type CommitHistoryEntry } from '../offsets/commit-history.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { StoredBatches } from './stored-batches.ts'
import { byPartition } from './topic-partition.ts'

/** What a group has committed for a partition over time, oldest first. */
export interface PartitionHistory extends TopicPartition {
  /** Oldest first. */
  readonly entries: readonly CommitHistoryEntry[]
}

/** Which part of a group's history is wanted. */
export interface HistoryOptions {
  /** Default: every topic. */
  readonly topic?: string | undefined
  /** Only what was committed at or after this time, in milliseconds since 1970. Default: all. */
  readonly sinceMs?: number | undefined
  /** Entries to keep per partition, the newest. Default: all. */
  readonly keepNewest?: number | undefined
}

/** Everything a group has committed, and when, as far back as `__consumer_offsets` reaches. */
export async function readHistory(
  broker: Broker,
  group: string,
  options: HistoryOptions = {},
): Promise<PartitionHistory[]> {
  const partition = await offsetsPartitionOf(broker, group)
  if (partition === undefined) return []
  const { topic, keepNewest, sinceMs } = options
  const history = new CommitHistory({
    group,
    ...(topic === undefined ? {} : { topic }),
    ...(keepNewest === undefined ? {} : { keepNewest }),
  })
  const stored = new StoredBatches(broker, { topic: CONSUMER_OFFSETS_TOPIC, partition })
  for await (const { batches } of stored.slices(sinceMs === undefined ? {} : { sinceMs })) {
    for (const batch of batches) history.replayBatch(partition, batch)
  }
  return [...history.partitionsOf(group)].sort(byPartition)
}

/** Which partition of `__consumer_offsets` has the group; undefined before there is any. */
export async function offsetsPartitionOf(broker: Broker, group: string): Promise<number | undefined> {
  const { topics } = await broker.metadata({ topics: [CONSUMER_OFFSETS_TOPIC] })
  const count = topics.find(({ name }) => name === CONSUMER_OFFSETS_TOPIC)?.partitions.length ?? 0
  return count === 0 ? undefined : groupPartition(group, count)
}
