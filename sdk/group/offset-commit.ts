import { TidemarkError } from '../errors.ts'
import type { CoordinatorRecord } from '../offsets/coordinator-record.ts'
import { checkCommitMetadata, checkGroupId } from '../offsets/group-id.ts'
import { offsetCommitRecord } from '../offsets/offset-commit-record.ts'
import { ConsumerGroup, type ConsumerGroupMember } from './consumer-group.ts'
import { ForeignGroup } from './foreign-group.ts'
import type { GroupError } from './group-description.ts'
import { occupants } from './group-occupants.ts'
import type { Group } from './group-table.ts'
import type { NamedPartition } from './heartbeat-request.ts'
import { type PartitionId, partitionId, partitionOf, topicIdOf } from './partition-id.ts'
import type { TopicLookup, TopicShape } from './topic-lookup.ts'

/** Kafka's OffsetCommit (8); fields as in the port. */
export interface CommitRequest {
  readonly group: string
  /** '' and −1: not a member. */
  readonly memberId: string
  readonly memberEpoch: number
  readonly offsets: readonly CommitOfPartition[]
}

export interface CommitOfPartition extends NamedPartition {
  /** The next offset to read. */
  readonly offset: number
  /** −1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
}

/** Every answer about one partition. */
export interface PartitionAnswer extends NamedPartition {
  readonly error: GroupError | null
}

type NameOf = (topicId: string) => string | undefined

export interface CommitPlan {
  readonly records: readonly CoordinatorRecord[]
  readonly partitions: readonly PartitionAnswer[]
}

export interface CommitContext {
  readonly topics: TopicLookup
  /** The name of a topic that is, or was until a moment ago. */
  readonly nameOf: NameOf
  readonly nowMs: number
  /** As Kafka has it, such a commit does not say which topic id it is for. */
  readonly isTransactional?: boolean
}

/**
 * What a commit writes, and which of its partitions are refused. Throws INVALID_GROUP_ID, GROUP_NOT_FOUND,
 * UNKNOWN_MEMBER_ID or STALE_MEMBER_EPOCH where all of it is.
 */
export function planCommit(
  group: Group | undefined,
  request: CommitRequest,
  { topics, nameOf, nowMs, isTransactional = false }: CommitContext,
): CommitPlan {
  checkGroupId(request.group)
  const mayCommit = checkCommitter(group, request, nameOf)
  const records: CoordinatorRecord[] = []
  const partitions = request.offsets.map((commit): PartitionAnswer => {
    const { topic, partition, offset, leaderEpoch, metadata } = commit
    const shape = topics.byName(topic)
    const error = checkPosition(commit, shape) ?? refusal(commit, shape, mayCommit)
    if (error === null && shape !== undefined) {
      const topicId = isTransactional ? null : shape.topicId
      const place = { group: request.group, topic, partition }
      records.push(offsetCommitRecord(place, { offset, leaderEpoch, metadata, commitTimestampMs: nowMs, topicId }))
    }
    return { topic, partition, error }
  })
  return { records, partitions }
}

/** Says for each partition whether the committer may commit it; throws if it may commit none. */
function checkCommitter(
  group: Group | undefined,
  request: CommitRequest,
  nameOf: NameOf,
): (id: PartitionId, topic: string) => boolean {
  const { memberId, memberEpoch } = request
  const isMemberless = memberEpoch < 0
  if (group === undefined) {
    // The first commit makes the group.
    if (isMemberless) return () => true
    throw new TidemarkError('GROUP_NOT_FOUND', `There is no group ${request.group}: join it before committing.`)
  }
  if (group instanceof ForeignGroup) {
    throw new TidemarkError(
      'GROUP_NOT_FOUND',
      `Group ${request.group} is a ${group.type} group, which takes no commits.`,
    )
  }
  if (isMemberless && group.state === 'Empty') return () => true
  const member = group instanceof ConsumerGroup ? group.members.get(memberId) : undefined
  if (member === undefined) {
    const message = isMemberless
      ? `Group ${request.group} ${occupants(group)}, so only they commit: stop its consumers first.`
      : `Group ${request.group} has no member ${memberId}: join again.`
    throw new TidemarkError('UNKNOWN_MEMBER_ID', message)
  }
  if (isMemberless || memberEpoch > member.memberEpoch) {
    const message = `Member ${memberId} is at epoch ${member.memberEpoch}, not ${memberEpoch}.`
    throw new TidemarkError('STALE_MEMBER_EPOCH', message)
  }
  const heldSince = (id: PartitionId) => member.assigned.get(id) ?? member.pendingRevocation.get(id)
  if (memberEpoch < member.memberEpoch) return (id) => memberEpoch >= (heldSince(id) ?? Number.POSITIVE_INFINITY)
  // At its own epoch a member may commit anything, as in Kafka, but not progress in a topic that was deleted and made anew,
  // nor in a partition in which the group was moved since: that it has from a later epoch on.
  return (id, topic) => memberEpoch >= (heldSince(id) ?? 0) && !holdsFormer(member, id, topic, nameOf)
}

/** Whether the member still holds this partition of a topic that had the name before. */
function holdsFormer(
  { assigned, pendingRevocation }: ConsumerGroupMember,
  id: PartitionId,
  topic: string,
  nameOf: NameOf,
): boolean {
  if (assigned.has(id) || pendingRevocation.has(id)) return false
  for (const held of [...assigned.keys(), ...pendingRevocation.keys()]) {
    if (partitionOf(held) === partitionOf(id) && nameOf(topicIdOf(held)) === topic) return true
  }
  return false
}

function refusal(
  { topic, partition }: CommitOfPartition,
  shape: TopicShape | undefined,
  mayCommit: (id: PartitionId, topic: string) => boolean,
): GroupError | null {
  if (shape === undefined || mayCommit(partitionId(shape.topicId, partition), topic)) return null
  const message = `The member no longer had ${topic}-${partition} at its epoch, so its commit does not count.`
  return { code: 'STALE_MEMBER_EPOCH', message }
}

/** Why nobody can commit this, if that is so. */
export function checkPosition(
  { topic, partition, offset, leaderEpoch, metadata }: CommitOfPartition,
  shape: TopicShape | undefined,
): GroupError | null {
  if (shape === undefined || !Number.isInteger(partition) || partition < 0 || partition >= shape.partitionCount) {
    return { code: 'UNKNOWN_TOPIC', message: `There is no partition ${topic}-${partition}.` }
  }
  const isEpoch = Number.isInteger(leaderEpoch) && leaderEpoch >= -1 && leaderEpoch < 2 ** 31
  if (!Number.isSafeInteger(offset) || offset < 0 || !isEpoch) {
    const message = `Offset ${offset} at epoch ${leaderEpoch} is no position in ${topic}-${partition}.`
    return { code: 'INVALID_ARGUMENT', message }
  }
  try {
    checkCommitMetadata(metadata, topic, partition)
    return null
  } catch (error) {
    if (error instanceof TidemarkError) return { code: error.code, message: error.message }
    throw error
  }
}
