import type { CommittedPosition, OffsetsTable } from '../offsets/offsets-table.ts'
import type { NamedPartition } from './heartbeat-request.ts'
import type { PartitionAnswer } from './offset-commit.ts'
import type { TopicLookup } from './topic-lookup.ts'

/** Kafka's OffsetFetch (9); fields as in the port. */
export interface FetchOffsetsRequest {
  readonly group: string
  /** null: every partition the group has committed. */
  readonly partitions: readonly NamedPartition[] | null
  /** Refuse partitions whose commit an open transaction is about to change. */
  readonly requireStable?: boolean
}

export interface FetchedOffset extends PartitionAnswer {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number | null
  readonly topicId: string | null
}

/**
 * What the group has committed; partitions without a commit are left out. A commit for another topic of the same name is
 * none; one whose topic is gone is still told.
 */
export function fetchOffsets(table: OffsetsTable, request: FetchOffsetsRequest, topics: TopicLookup): FetchedOffset[] {
  const { group } = request
  const places = request.partitions ?? table.partitionsOf(group)
  return places.flatMap(({ topic, partition }) => {
    if (request.requireStable && table.pendingFor(group, topic, partition)) return [unstable(topic, partition)]
    const position = table.get(group, topic, partition)
    return position === undefined || isOfOtherTopic(position, topics) ? [] : [answer(position)]
  })
}

function isOfOtherTopic({ topic, topicId }: CommittedPosition, topics: TopicLookup): boolean {
  const presentId = topics.byName(topic)?.topicId
  return topicId !== null && presentId !== undefined && topicId !== presentId
}

function answer({ topic, partition, offset, leaderEpoch, metadata, commitTimestampMs, topicId }: CommittedPosition) {
  return { topic, partition, error: null, offset, leaderEpoch, metadata, commitTimestampMs, topicId }
}

function unstable(topic: string, partition: number): FetchedOffset {
  const message = `An open transaction is about to commit ${topic}-${partition}: try again.`
  return {
    topic,
    partition,
    error: { code: 'UNSTABLE_OFFSET_COMMIT', message },
    offset: -1,
    leaderEpoch: -1,
    metadata: '',
    commitTimestampMs: null,
    topicId: null,
  }
}
