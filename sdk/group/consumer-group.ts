import { type GroupKey, type MemberKey, RECORD_TYPES, type RegularExpressionKey } from '../offsets/record-key.ts'
import { type CurrentAssignmentRecord, decodeCurrentAssignment, MEMBER_STATE } from './current-assignment-record.ts'
import { decodeGroupEpoch } from './group-epoch-record.ts'
import { decodeMember, type MemberRecord } from './member-record.ts'
import { type PartitionId, topicIdOf } from './partition-id.ts'
import { decodeRegularExpression, type RegularExpressionRecord } from './regular-expression-record.ts'
import { decodeTarget, decodeTargetEpoch } from './target-record.ts'

/** What records of types 5 and 8 say about a member. Never changed, only replaced. */
export interface ConsumerGroupMember extends MemberRecord, CurrentAssignmentRecord {
  readonly memberId: string
}

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** Keys of the records that make up a consumer group. */
export type ConsumerGroupKey = GroupKey | MemberKey | RegularExpressionKey

/** What Kafka gives a group before its first record, so that the first join makes it 2. */
const FIRST_EPOCH = 1
const NO_TARGET_EPOCH = -1

const NEW_MEMBER: Omit<ConsumerGroupMember, 'memberId'> = {
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  subscribedTopicNames: [],
  subscribedTopicRegex: null,
  rebalanceTimeoutMs: -1,
  serverAssignor: null,
  classic: null,
  memberEpoch: 0,
  previousMemberEpoch: 0,
  state: MEMBER_STATE.stable,
  assigned: new Map(),
  pendingRevocation: new Map(),
}

/** One group of the consumer protocol (KIP-848): what its records say, changed by `replay` and nothing else. */
export class ConsumerGroup {
  readonly groupId: string
  groupEpoch = FIRST_EPOCH
  /** The group epoch for which `targets` were computed; −1 once it is struck out. */
  targetEpoch = FIRST_EPOCH
  /** When that was, wall clock; 0 if unknown. */
  targetTimestampMs = 0
  /** Whether a broker up to 4.0 left a record that has to be struck out. */
  hasSubscriptionMetadata = false
  readonly members = new Map<string, ConsumerGroupMember>()
  readonly targets = new Map<string, ReadonlySet<PartitionId>>()
  readonly regularExpressions = new Map<string, RegularExpressionRecord>()
  // Derived from the above, so that a heartbeat does not have to look at every member and partition.
  /** Who has each partition, including what is about to be given up. */
  readonly owners = new Map<PartitionId, string>()
  /** Instance id → member id. */
  readonly instances = new Map<string, string>()
  /** How many members name each topic. */
  readonly subscriberCounts = new Map<string, number>()
  /** How many partitions of each topic id are in a target. */
  readonly targetCounts = new Map<string, number>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  /** A copy that can be changed without changing this one; members and sets are shared, since they are never changed. */
  clone(): ConsumerGroup {
    const copy = new ConsumerGroup(this.groupId)
    copy.groupEpoch = this.groupEpoch
    copy.targetEpoch = this.targetEpoch
    copy.targetTimestampMs = this.targetTimestampMs
    copy.hasSubscriptionMetadata = this.hasSubscriptionMetadata
    copyInto(copy.members, this.members)
    copyInto(copy.targets, this.targets)
    copyInto(copy.regularExpressions, this.regularExpressions)
    copyInto(copy.owners, this.owners)
    copyInto(copy.instances, this.instances)
    copyInto(copy.subscriberCounts, this.subscriberCounts)
    copyInto(copy.targetCounts, this.targetCounts)
    return copy
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty'
    if (this.groupEpoch > this.targetEpoch) return 'Assigning'
    for (const member of this.members.values()) if (!this.isAtTarget(member)) return 'Reconciling'
    return 'Stable'
  }

  isAtTarget(member: ConsumerGroupMember): boolean {
    return member.state === MEMBER_STATE.stable && member.memberEpoch === this.targetEpoch
  }

  targetOf(memberId: string): ReadonlySet<PartitionId> {
    return this.targets.get(memberId) ?? NOTHING
  }

  /** Applies one record of types 3 to 8 or 16. As tolerant as Kafka where something is missing: compaction may have taken it. */
  replay(key: ConsumerGroupKey, value: Buffer | null): void {
    if (key.kind === 'group') this.#replayGroup(key.type, value)
    else if (key.kind === 'member') this.#replayOfMember(key.type, key.memberId, value)
    else if (value === null) this.regularExpressions.delete(key.regex)
    else this.regularExpressions.set(key.regex, decodeRegularExpression(value))
  }

  #replayGroup(type: number, value: Buffer | null): void {
    if (type === RECORD_TYPES.ConsumerGroupMetadata) {
      if (value !== null) this.groupEpoch = decodeGroupEpoch(value).epoch
    } else if (type === RECORD_TYPES.ConsumerGroupPartitionMetadata) {
      this.hasSubscriptionMetadata = value !== null
    } else if (type === RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata) {
      const record = value === null ? null : decodeTargetEpoch(value)
      this.targetEpoch = record?.assignmentEpoch ?? NO_TARGET_EPOCH
      this.targetTimestampMs = record?.assignmentTimestampMs ?? 0
    }
  }

  #replayOfMember(type: number, memberId: string, value: Buffer | null): void {
    if (type === RECORD_TYPES.ConsumerGroupMemberMetadata) {
      this.#replayMember(memberId, value === null ? null : decodeMember(value))
    } else if (type === RECORD_TYPES.ConsumerGroupTargetAssignmentMember) {
      this.#replayTarget(memberId, value === null ? null : decodeTarget(value))
    } else if (type === RECORD_TYPES.ConsumerGroupCurrentMemberAssignment) {
      this.#replayCurrentAssignment(memberId, value === null ? null : decodeCurrentAssignment(value))
    }
  }

  #replayMember(memberId: string, record: MemberRecord | null): void {
    const before = this.members.get(memberId)
    if (before !== undefined) {
      for (const name of before.subscribedTopicNames) this.#count(this.subscriberCounts, name, -1)
      if (before.instanceId !== null && this.instances.get(before.instanceId) === memberId) {
        this.instances.delete(before.instanceId)
      }
    }
    if (record === null) {
      if (before !== undefined) this.#release(before)
      this.members.delete(memberId)
      return
    }
    for (const name of record.subscribedTopicNames) this.#count(this.subscriberCounts, name, 1)
    if (record.instanceId !== null) this.instances.set(record.instanceId, memberId)
    this.members.set(memberId, { ...(before ?? NEW_MEMBER), ...record, memberId })
  }

  #replayTarget(memberId: string, target: ReadonlySet<PartitionId> | null): void {
    for (const id of this.targetOf(memberId)) this.#count(this.targetCounts, topicIdOf(id), -1)
    for (const id of target ?? NOTHING) this.#count(this.targetCounts, topicIdOf(id), 1)
    if (target === null) this.targets.delete(memberId)
    else this.targets.set(memberId, target)
  }

  #replayCurrentAssignment(memberId: string, record: CurrentAssignmentRecord | null): void {
    const before = this.members.get(memberId)
    if (before !== undefined) this.#release(before)
    if (record === null) {
      const { assigned, pendingRevocation, memberEpoch, previousMemberEpoch, state } = NEW_MEMBER
      if (before === undefined) return
      this.members.set(memberId, { ...before, assigned, pendingRevocation, memberEpoch, previousMemberEpoch, state })
      return
    }
    this.members.set(memberId, { ...(before ?? NEW_MEMBER), ...record, memberId })
    for (const id of record.assigned.keys()) this.owners.set(id, memberId)
    for (const id of record.pendingRevocation.keys()) this.owners.set(id, memberId)
  }

  #release(member: ConsumerGroupMember): void {
    for (const held of [member.assigned, member.pendingRevocation]) {
      for (const id of held.keys()) if (this.owners.get(id) === member.memberId) this.owners.delete(id)
    }
  }

  #count(counts: Map<string, number>, key: string, change: 1 | -1): void {
    const count = (counts.get(key) ?? 0) + change
    if (count === 0) counts.delete(key)
    else counts.set(key, count)
  }
}

const NOTHING: ReadonlySet<PartitionId> = new Set()

function copyInto<K, V>(target: Map<K, V>, source: ReadonlyMap<K, V>): void {
  for (const [key, value] of source) target.set(key, value)
}
