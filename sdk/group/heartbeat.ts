import { TidemarkError } from '../errors.ts'
import type { ConsumerGroup, ConsumerGroupMember } from './consumer-group.ts'
import { named } from './consumer-group-description.ts'
import { sameHeld } from './current-assignment-record.ts'
import type { GroupConfig } from './group-config.ts'
import type { GroupDraft } from './group-draft.ts'
import type { HeartbeatRequest, HeartbeatResponse } from './heartbeat-request.ts'
import { JOIN_EPOCH, STATIC_LEAVE_EPOCH } from './member-epoch.ts'
import type { MemberRecord } from './member-record.ts'
import { findMember, raiseEpoch } from './membership.ts'
import { OwnedPartitions } from './owned-partitions.ts'
import type { PartitionId } from './partition-id.ts'
import { Reconciliation } from './reconciliation.ts'
import { topicsChanged, updateTarget } from './target-assignment.ts'
import type { TopicLookup } from './topic-lookup.ts'

export interface HeartbeatContext {
  readonly topics: TopicLookup
  /** The name of a topic that is, or was until a moment ago. */
  readonly nameOf: (topicId: string) => string | undefined
  readonly config: GroupConfig
  readonly nowMs: number
}

/** A heartbeat of a member that joins or stays: what it writes is in the draft afterwards. Order of steps as in Kafka. */
export function beat(draft: GroupDraft, request: HeartbeatRequest, context: HeartbeatContext): HeartbeatResponse {
  const full = draft.group.members.size >= context.config.maxSize && !draft.group.members.has(request.memberId)
  if (full) {
    throw new TidemarkError(
      'GROUP_MAX_SIZE_REACHED',
      `Group ${request.group} has ${context.config.maxSize} members, which is its limit.`,
    )
  }
  const found = findMember(draft, request, context.nameOf)
  const subscriptionChanged = updateMember(draft, found, request)
  if (subscriptionChanged) raiseEpoch(draft)
  else if (draft.group.groupEpoch === draft.group.targetEpoch && topicsChanged(draft.group, context.topics)) {
    raiseEpoch(draft)
  }
  if (isTargetDue(draft.group, context)) updateTarget(draft, context.topics, context.nowMs)
  reconcile(draft, request, subscriptionChanged, context)
  return respond(draft.group, found, request, context)
}

/** Types 5. Returns whether the member names other topics than before. */
function updateMember(draft: GroupDraft, member: ConsumerGroupMember | undefined, request: HeartbeatRequest): boolean {
  const names = request.subscribedTopicNames
  const updated: MemberRecord = {
    instanceId: request.instanceId ?? member?.instanceId ?? null,
    rackId: request.rackId ?? member?.rackId ?? null,
    clientId: request.clientId,
    clientHost: request.clientHost,
    subscribedTopicNames: names === null ? (member?.subscribedTopicNames ?? []) : [...new Set(names)].sort(),
    // As brokers write "none".
    subscribedTopicRegex: member?.subscribedTopicRegex ?? '',
    rebalanceTimeoutMs:
      request.rebalanceTimeoutMs === -1 ? (member?.rebalanceTimeoutMs ?? -1) : request.rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? member?.serverAssignor ?? null,
    classic: null,
  }
  if (member === undefined || !isSameMember(member, updated)) draft.member(request.memberId, updated)
  return !sameNames(member?.subscribedTopicNames ?? [], updated.subscribedTopicNames)
}

function isTargetDue(
  { groupEpoch, targetEpoch, targetTimestampMs }: ConsumerGroup,
  context: HeartbeatContext,
): boolean {
  const { nowMs, config } = context
  if (targetEpoch >= groupEpoch) return false
  if (targetTimestampMs === 0 || config.assignmentIntervalMs === 0) return true
  // A timestamp ahead of a clock that was set back must not hold the group up.
  return nowMs >= targetTimestampMs + config.assignmentIntervalMs || nowMs < targetTimestampMs
}

/** Type 8 of this member, if it changes. */
function reconcile(
  draft: GroupDraft,
  request: HeartbeatRequest,
  subscriptionChanged: boolean,
  { topics, nameOf }: HeartbeatContext,
): void {
  const { group } = draft
  const topicIds = new Set<string>()
  for (const name of group.members.get(request.memberId)?.subscribedTopicNames ?? []) {
    const topic = topics.byName(name)
    if (topic !== undefined) topicIds.add(topic.topicId)
  }
  const owned = new OwnedPartitions(request.owned, nameOf)
  const next = new Reconciliation(group, request.memberId, owned, topicIds).next(subscriptionChanged)
  if (next !== group.members.get(request.memberId)) draft.currentAssignment(request.memberId, next)
}

/** The assignment is told when it is asked for (a join, a request with all fields) and when it has changed. */
function respond(
  group: ConsumerGroup,
  before: ConsumerGroupMember | undefined,
  request: HeartbeatRequest,
  { nameOf, config }: HeartbeatContext,
): HeartbeatResponse {
  const member = group.members.get(request.memberId)
  if (member === undefined) throw new TidemarkError('UNKNOWN_MEMBER_ID')
  const isFull = request.rebalanceTimeoutMs !== -1 && request.subscribedTopicNames !== null && request.owned !== null
  const isAsked = request.memberEpoch === JOIN_EPOCH || isFull
  const hasChanged = before === undefined || !sameHeld(before.assigned, member.assigned)
  const moved = movedPartitions(before, request, nameOf)
  return {
    memberId: request.memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: isQuiet(group) ? config.heartbeatIntervalMs : config.reconcilingHeartbeatIntervalMs,
    assignment: isAsked || hasChanged ? named(member.assigned.keys(), nameOf) : null,
    ...(moved.length > 0 && { moved: named(moved, nameOf) }),
  }
}

/** What the member has had all along, and has from an epoch on that it has not heard of: the group was moved there. */
function movedPartitions(
  before: ConsumerGroupMember | undefined,
  request: HeartbeatRequest,
  nameOf: HeartbeatContext['nameOf'],
): PartitionId[] {
  if (before === undefined || request.memberEpoch === JOIN_EPOCH) return []
  const owned = new OwnedPartitions(request.owned, nameOf)
  const moved: PartitionId[] = []
  for (const held of [before.assigned, before.pendingRevocation]) {
    for (const [id, since] of held) if (since > request.memberEpoch && owned.mayHoldOne(id)) moved.push(id)
  }
  return moved
}

/** Whether nobody waits for anybody. Members that are away do not count: nothing is to come of them. */
function isQuiet(group: ConsumerGroup): boolean {
  if (group.groupEpoch > group.targetEpoch) return false
  for (const member of group.members.values()) {
    if (member.memberEpoch !== STATIC_LEAVE_EPOCH && !group.isAtTarget(member)) return false
  }
  return true
}

function isSameMember(a: MemberRecord, b: MemberRecord): boolean {
  return (
    a.instanceId === b.instanceId &&
    a.rackId === b.rackId &&
    a.clientId === b.clientId &&
    a.clientHost === b.clientHost &&
    a.subscribedTopicRegex === b.subscribedTopicRegex &&
    a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
    a.serverAssignor === b.serverAssignor &&
    a.classic === b.classic &&
    sameNames(a.subscribedTopicNames, b.subscribedTopicNames)
  )
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index])
}
