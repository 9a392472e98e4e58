import { TidemarkError } from '../errors.ts'
import type { CoordinatorRecord } from '../offsets/coordinator-record.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import { offsetCommitRecord, offsetTombstone } from '../offsets/offset-commit-record.ts'
import type { OffsetsTable } from '../offsets/offsets-table.ts'
import { type CommittedPosition, isSamePosition } from '../offsets/reset-metadata.ts'
import { ConsumerGroup, type ConsumerGroupMember } from './consumer-group.ts'
import type { HeldPartitions } from './current-assignment-record.ts'
import { ForeignGroup } from './foreign-group.ts'
import { GroupDraft } from './group-draft.ts'
import { occupants } from './group-occupants.ts'
import type { Group } from './group-table.ts'
import type { NamedPartition } from './heartbeat-request.ts'
import { STATIC_LEAVE_EPOCH } from './member-epoch.ts'
import { raiseEpoch } from './membership.ts'
import { type CommitContext, checkPosition } from './offset-commit.ts'
import { fetchOffsets } from './offset-fetch.ts'
import { type PartitionId, partitionId } from './partition-id.ts'
import { updateTarget } from './target-assignment.ts'

/** What becomes of one partition. */
export interface AlteredOffset extends NamedPartition {
  /** What must be committed now, null for nothing; left out: whatever is. */
  readonly expected?: CommittedPosition | null | undefined
  /** What is committed from then on; null: nothing. */
  readonly position: CommittedPosition | null
}

/** Kafka's AlterConsumerGroupOffsets; fields as in the port. */
export interface AlterOffsetsRequest {
  readonly group: string
  readonly offsets: readonly AlteredOffset[]
  /** A group with members is refused, as by Kafka; or whoever has such a partition goes on at its new place. */
  readonly members: 'refuse' | 'move'
}

/**
 * The records that put a group elsewhere: all of it, or, where it throws, nothing. Throws INVALID_GROUP_ID,
 * NON_EMPTY_GROUP, GROUP_NOT_FOUND (a group that takes no commits), GROUP_MOVED, UNKNOWN_TOPIC, INVALID_ARGUMENT and
 * OFFSET_METADATA_TOO_LARGE.
 */
export function planAlteration(
  group: Group | undefined,
  request: AlterOffsetsRequest,
  offsets: OffsetsTable,
  context: CommitContext,
): CoordinatorRecord[] {
  checkGroupId(request.group)
  checkAlterable(group, request)
  checkExpected(request, offsets, context)
  const records = request.offsets.flatMap((altered) => recordsOf(request.group, altered, offsets, context))
  if (!(group instanceof ConsumerGroup)) return records
  return [...records, ...moveMembers(group, request.offsets, context)]
}

function checkAlterable(group: Group | undefined, { group: name, members }: AlterOffsetsRequest): void {
  if (group === undefined) return
  if (group instanceof ForeignGroup) {
    throw new TidemarkError('GROUP_NOT_FOUND', `Group ${name} is a ${group.type} group, which takes no commits.`)
  }
  if (group.state === 'Empty' || (group instanceof ConsumerGroup && members === 'move')) return
  const message = `Group ${name} ${occupants(group)}: they would go on where they are and overwrite it.`
  throw new TidemarkError('NON_EMPTY_GROUP', message)
}

function checkExpected(request: AlterOffsetsRequest, offsets: OffsetsTable, { topics }: CommitContext): void {
  const { group } = request
  const wanted = request.offsets.filter(({ expected }) => expected !== undefined)
  const found = fetchOffsets(offsets, { group, partitions: wanted }, topics)
  const moved = wanted.filter(({ topic, partition, expected = null }) => {
    const now = found.find((each) => each.topic === topic && each.partition === partition) ?? null
    return !isSamePosition(now, expected)
  })
  if (moved.length === 0) return
  const names = moved.map(({ topic, partition }) => `${topic}-${partition}`).join(', ')
  throw new TidemarkError('GROUP_MOVED', `Group ${group} has committed since, on ${names}. Nothing was changed.`)
}

function recordsOf(
  group: string,
  { topic, partition, position }: AlteredOffset,
  offsets: OffsetsTable,
  { topics, nowMs }: CommitContext,
): CoordinatorRecord[] {
  if (position === null) {
    const isKnown = offsets.get(group, topic, partition) !== undefined || offsets.pendingFor(group, topic, partition)
    return isKnown ? [offsetTombstone(group, topic, partition)] : []
  }
  const shape = topics.byName(topic)
  const error = checkPosition({ topic, partition, ...position }, shape)
  if (error !== null || shape === undefined) throw new TidemarkError(error?.code ?? 'UNKNOWN_TOPIC', error?.message)
  const { topicId } = shape
  return [offsetCommitRecord({ group, topic, partition }, { ...position, commitTimestampMs: nowMs, topicId })]
}

/**
 * One epoch more, and whoever has one of these partitions has it from that epoch on: a commit that its member makes at the
 * epoch it knows no longer counts there, and at its next heartbeat it hears why (see `movedPartitions`). Everything else it
 * has stays as it was, and nobody has to give anything up. Members that are away begin at the commit when they come back.
 */
function moveMembers(
  group: ConsumerGroup,
  altered: readonly NamedPartition[],
  { topics, nowMs }: CommitContext,
): readonly CoordinatorRecord[] {
  const moved = new Set<PartitionId>()
  for (const { topic, partition } of altered) {
    const topicId = topics.byName(topic)?.topicId
    if (topicId !== undefined) moved.add(partitionId(topicId, partition))
  }
  const holders = [...group.members.values()].filter((member) => isHolder(member, moved))
  if (holders.length === 0) return []
  const draft = new GroupDraft(group)
  raiseEpoch(draft)
  updateTarget(draft, topics, nowMs)
  const epoch = draft.group.targetEpoch
  for (const { memberId, memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } of holders) {
    draft.currentAssignment(memberId, {
      memberEpoch,
      previousMemberEpoch,
      state,
      assigned: withEpoch(assigned, moved, epoch),
      pendingRevocation: withEpoch(pendingRevocation, moved, epoch),
    })
  }
  return draft.records
}

function isHolder(member: ConsumerGroupMember, partitions: ReadonlySet<PartitionId>): boolean {
  if (member.memberEpoch === STATIC_LEAVE_EPOCH) return false
  for (const id of partitions) if (member.assigned.has(id) || member.pendingRevocation.has(id)) return true
  return false
}

function withEpoch(held: HeldPartitions, partitions: ReadonlySet<PartitionId>, epoch: number): HeldPartitions {
  return new Map([...held].map(([id, since]) => [id, partitions.has(id) ? epoch : since]))
}
