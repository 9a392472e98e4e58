import type { CoordinatorRecord } from '../offsets/coordinator-record.ts'
import { encodeRecordKey, RECORD_TYPES } from '../offsets/record-key.ts'
import type { ConsumerGroup, ConsumerGroupKey } from './consumer-group.ts'
import { type CurrentAssignmentRecord, encodeCurrentAssignment } from './current-assignment-record.ts'
import { encodeGroupEpoch } from './group-epoch-record.ts'
import { encodeMember, type MemberRecord } from './member-record.ts'
import type { PartitionId } from './partition-id.ts'
import { encodeTarget, encodeTargetEpoch, type TargetEpochRecord } from './target-record.ts'

/**
 * The records one request or timer is about to write for a group, and the group as it will be after them: every record is
 * replayed into a copy at once, so that later steps of the same request see it. The group itself changes only when the
 * records have been appended and are replayed there.
 */
export class GroupDraft {
  readonly records: CoordinatorRecord[] = []
  #group: ConsumerGroup
  #copied = false

  constructor(group: ConsumerGroup) {
    this.#group = group
  }

  get group(): ConsumerGroup {
    return this.#group
  }

  /** Type 2: strikes out the classic group of the same name, written or not. */
  noClassicGroup(): void {
    const key = { kind: 'group', type: RECORD_TYPES.GroupMetadata, group: this.#group.groupId } as const
    this.records.push({ key: encodeRecordKey(key), value: null })
  }

  /** Type 3. The metadata hash is left at 0 (see `GroupEpochRecord`). */
  groupEpoch(epoch: number | null): void {
    const value = epoch === null ? null : encodeGroupEpoch({ epoch, metadataHash: 0n })
    this.#writeGroup(RECORD_TYPES.ConsumerGroupMetadata, value)
  }

  /** Type 4, of which only the tombstone is written. */
  noSubscriptionMetadata(): void {
    this.#writeGroup(RECORD_TYPES.ConsumerGroupPartitionMetadata, null)
  }

  /** Type 5. */
  member(memberId: string, value: MemberRecord | null): void {
    const bytes = value === null ? null : encodeMember(value)
    this.#writeMember(RECORD_TYPES.ConsumerGroupMemberMetadata, memberId, bytes)
  }

  /** Type 6. */
  targetEpoch(value: TargetEpochRecord | null): void {
    const bytes = value === null ? null : encodeTargetEpoch(value)
    this.#writeGroup(RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata, bytes)
  }

  /** Type 7. */
  target(memberId: string, value: ReadonlySet<PartitionId> | null): void {
    const bytes = value === null ? null : encodeTarget(value)
    this.#writeMember(RECORD_TYPES.ConsumerGroupTargetAssignmentMember, memberId, bytes)
  }

  /** Type 8. */
  currentAssignment(memberId: string, value: CurrentAssignmentRecord | null): void {
    const bytes = value === null ? null : encodeCurrentAssignment(value)
    this.#writeMember(RECORD_TYPES.ConsumerGroupCurrentMemberAssignment, memberId, bytes)
  }

  /** Type 16, of which only the tombstone is written. */
  noRegularExpression(regex: string): void {
    const type = RECORD_TYPES.ConsumerGroupRegularExpression
    this.#write({ kind: 'regex', type, group: this.#group.groupId, regex }, null)
  }

  #writeGroup(type: number, value: Buffer | null): void {
    this.#write({ kind: 'group', type, group: this.#group.groupId }, value)
  }

  #writeMember(type: number, memberId: string, value: Buffer | null): void {
    this.#write({ kind: 'member', type, group: this.#group.groupId, memberId }, value)
  }

  #write(key: ConsumerGroupKey, value: Buffer | null): void {
    if (!this.#copied) {
      this.#group = this.#group.clone()
      this.#copied = true
    }
    this.records.push({ key: encodeRecordKey(key), value })
    this.#group.replay(key, value)
  }
}
