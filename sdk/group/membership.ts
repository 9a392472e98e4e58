import { TidemarkError } from '../errors.ts'
import type { ConsumerGroup, ConsumerGroupMember } from './consumer-group.ts'
import type { GroupDraft } from './group-draft.ts'
import type { HeartbeatRequest } from './heartbeat-request.ts'
import { JOIN_EPOCH, STATIC_LEAVE_EPOCH } from './member-epoch.ts'
import { OwnedPartitions } from './owned-partitions.ts'

type NameOf = (topicId: string) => string | undefined

/**
 * The member a heartbeat speaks for: known, new (undefined) or a static one that comes back under a new id; the records of
 * the return are then in the draft. Throws UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, FENCED_INSTANCE_ID and
 * UNRELEASED_INSTANCE_ID.
 */
export function findMember(
  draft: GroupDraft,
  request: HeartbeatRequest,
  nameOf: NameOf,
): ConsumerGroupMember | undefined {
  const { group } = draft
  const joins = request.memberEpoch === JOIN_EPOCH
  if (request.instanceId == null || (joins && !group.instances.has(request.instanceId))) {
    const member = group.members.get(request.memberId)
    if (member === undefined && !joins) throw unknownMember(request)
    if (member !== undefined) checkEpoch(member, request, nameOf)
    return member
  }
  if (!joins) {
    const member = staticMember(group, request.instanceId, request.memberId)
    checkEpoch(member, request, nameOf)
    return member
  }
  const away = memberOfInstance(group, request.instanceId)
  if (away === undefined || away.memberEpoch !== STATIC_LEAVE_EPOCH) {
    throw new TidemarkError(
      'UNRELEASED_INSTANCE_ID',
      `Instance ${request.instanceId} of group ${group.groupId} is in use: close its consumer, or wait for its session to end.`,
    )
  }
  return replaceStatic(draft, away, request.memberId)
}

/** A member that leaves, by instance id where it gives one. Throws UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
export function findLeaving(group: ConsumerGroup, request: HeartbeatRequest): ConsumerGroupMember {
  if (request.instanceId != null) return staticMember(group, request.instanceId, request.memberId)
  const member = group.members.get(request.memberId)
  if (member === undefined) throw unknownMember(request)
  return member
}

/** Strikes members out: 8, 7 and 5, expressions only they used, then one epoch more. */
export function removeMembers(draft: GroupDraft, memberIds: readonly string[]): void {
  for (const memberId of memberIds) draft.currentAssignment(memberId, null)
  for (const memberId of memberIds) draft.target(memberId, null)
  for (const memberId of memberIds) draft.member(memberId, null)
  strikeUnusedExpressions(draft)
  raiseEpoch(draft)
}

/** Type 3 with the next epoch, and what an old broker left beside it is struck out. */
export function raiseEpoch(draft: GroupDraft): void {
  if (draft.group.hasSubscriptionMetadata) draft.noSubscriptionMetadata()
  draft.groupEpoch(draft.group.groupEpoch + 1)
}

/** Type 8 with −2: the member is away, keeps its partitions until its session ends, and gives up what it had to. */
export function leaveForAWhile(draft: GroupDraft, member: ConsumerGroupMember): void {
  if (member.memberEpoch === STATIC_LEAVE_EPOCH) return
  draft.currentAssignment(member.memberId, {
    memberEpoch: STATIC_LEAVE_EPOCH,
    previousMemberEpoch: member.previousMemberEpoch,
    state: member.state,
    // Kafka forgets when it got each partition; a commit with an older epoch is then allowed for all of them.
    assigned: new Map([...member.assigned.keys()].map((id) => [id, 0])),
    pendingRevocation: new Map(),
  })
}

/** The old id goes, the new one takes over its subscription, target and partitions. */
function replaceStatic(
  draft: GroupDraft,
  away: ConsumerGroupMember,
  memberId: string,
): ConsumerGroupMember | undefined {
  const target = draft.group.targets.get(away.memberId)
  draft.currentAssignment(away.memberId, null)
  draft.target(away.memberId, null)
  draft.member(away.memberId, null)
  draft.member(memberId, away)
  if (target !== undefined) draft.target(memberId, target)
  draft.currentAssignment(memberId, { ...away, memberEpoch: 0, previousMemberEpoch: 0 })
  return draft.group.members.get(memberId)
}

function staticMember(group: ConsumerGroup, instanceId: string, memberId: string): ConsumerGroupMember {
  const member = memberOfInstance(group, instanceId)
  if (member === undefined) {
    throw new TidemarkError('UNKNOWN_MEMBER_ID', `Group ${group.groupId} has no instance ${instanceId}.`)
  }
  if (member.memberId !== memberId) {
    throw new TidemarkError(
      'FENCED_INSTANCE_ID',
      `Instance ${instanceId} of group ${group.groupId} is now member ${member.memberId}: give each consumer its own instance id.`,
    )
  }
  return member
}

function memberOfInstance(group: ConsumerGroup, instanceId: string): ConsumerGroupMember | undefined {
  const memberId = group.instances.get(instanceId)
  return memberId === undefined ? undefined : group.members.get(memberId)
}

/**
 * The epoch must be the member's. The one before is tolerated from a member that missed an answer, which shows in owning
 * nothing but what it was assigned, or is still giving up. 0 is always right: it begins again.
 */
function checkEpoch(member: ConsumerGroupMember, request: HeartbeatRequest, nameOf: NameOf): void {
  const { memberEpoch } = request
  if (memberEpoch === JOIN_EPOCH || memberEpoch === member.memberEpoch) return
  if (memberEpoch < member.memberEpoch && memberEpoch === member.previousMemberEpoch) {
    if (new OwnedPartitions(request.owned, nameOf).isWithin(member.assigned, member.pendingRevocation)) return
  }
  throw new TidemarkError(
    'FENCED_MEMBER_EPOCH',
    `Member ${member.memberId} of group ${request.group} is at epoch ${member.memberEpoch}, not ${memberEpoch}: join again.`,
  )
}

function strikeUnusedExpressions(draft: GroupDraft): void {
  const used = new Set<string | null>()
  for (const member of draft.group.members.values()) used.add(member.subscribedTopicRegex)
  for (const expression of [...draft.group.regularExpressions.keys()]) {
    if (!used.has(expression)) draft.noRegularExpression(expression)
  }
}

function unknownMember(request: HeartbeatRequest): TidemarkError {
  return new TidemarkError('UNKNOWN_MEMBER_ID', `Group ${request.group} has no member ${request.memberId}: join again.`)
}
