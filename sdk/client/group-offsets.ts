import type { Broker, MemberDescription, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { byPartition, isSamePartition } from './topic-partition.ts'

/** What a group has committed for a partition. */
export interface GroupOffset extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number
  /** Of the last processed record; −1: not known. */
  readonly leaderEpoch: number
  /** What the committer wrote beside it; '' if nothing. */
  readonly metadata: string
  /** Milliseconds since 1970; null where the broker does not tell. */
  readonly committedAtMs: number | null
  /** Which topic of that name; null where the commit does not say. */
  readonly topicId: string | null
}

/** An offset to be committed for a group. */
export interface OffsetToCommit extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number
  /** The leader epoch of the record before it. Default −1: not known. A wrong one makes other clients hang or rewind. */
  readonly leaderEpoch?: number | undefined
  /** Any text of at most 4,096 UTF-16 units, to be found beside the offset. Default ''. */
  readonly metadata?: string | undefined
}

/** What a group has committed, by topic and partition; nothing where there is no such group. */
export async function readGroupOffsets(broker: Broker, group: string): Promise<GroupOffset[]> {
  const { partitions } = await broker.offsetFetch({ group, partitions: null })
  const offsets = partitions.map(({ error, commitTimestampMs, ...commit }) => {
    if (error !== null) throw fromPartitionError(error, commit)
    const { topic, partition, offset, leaderEpoch, metadata, topicId } = commit
    return { topic, partition, offset, leaderEpoch, metadata, committedAtMs: commitTimestampMs, topicId }
  })
  return offsets.sort(byPartition)
}

/** Commits as somebody who is no member, which is allowed while the group has none. */
export async function commitGroupOffsets(
  broker: Broker,
  group: string,
  offsets: readonly OffsetToCommit[],
): Promise<void> {
  if (offsets.length === 0) return
  const { partitions } = await broker.offsetCommit({
    group,
    memberId: '',
    memberEpoch: -1,
    survives: 'power-loss',
    offsets: offsets.map(({ topic, partition, offset, leaderEpoch = -1, metadata = '' }) => {
      return { topic, partition, offset, leaderEpoch, metadata }
    }),
  })
  for (const answer of partitions) if (answer.error !== null) throw fromPartitionError(answer.error, answer)
}

/** @throws {TidemarkError} OFFSET_OUT_OF_RANGE */
export async function checkNotPastEnd(broker: Broker, offsets: readonly OffsetToCommit[]): Promise<void> {
  if (offsets.length === 0) return
  const partitions = offsets.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const }))
  const answers = (await broker.listOffsets({ isolation: 'read_uncommitted', partitions })).partitions
  for (const { topic, partition, offset } of offsets) {
    const end = answers.find((each) => isSamePartition(each, { topic, partition }))
    // What cannot be asked is for the commit to refuse.
    if (end === undefined || end.error !== null || offset <= end.offset) continue
    const message =
      `Offset ${offset} is past the end of ${topic}-${partition}, which is ${end.offset}: the group would skip what is ` +
      'still to be written there. Commit at most the end, or say { pastEnd: true }.'
    throw new TidemarkError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset })
  }
}

/** Who is in the group; nobody where there is no such group. */
export async function readMembers(broker: Broker, group: string): Promise<readonly MemberDescription[]> {
  const description = (await broker.consumerGroupDescribe({ groups: [group] })).groups[0]
  if (description === undefined || description.error?.code === 'GROUP_NOT_FOUND') return []
  if (description.error !== null) throw fromPartitionError(description.error)
  return description.members
}
