import { decodeClassicGroup } from '../offsets/classic-group-record.ts'
import { OffsetsTable, type ReplayPlace } from '../offsets/offsets-table.ts'
import { type GroupKey, type MemberKey, parseRecordKey, RECORD_TYPES } from '../offsets/record-key.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { ClassicGroup } from './classic-group.ts'
import { ConsumerGroup, type ConsumerGroupKey } from './consumer-group.ts'
import { describeConsumerGroup } from './consumer-group-description.ts'
import { ForeignGroup, foreignType } from './foreign-group.ts'
import type { DescribedGroup, GroupType, ListedGroup } from './group-description.ts'

export type Group = ConsumerGroup | ClassicGroup | ForeignGroup

/**
 * Everything `__consumer_offsets` says: the groups and what they committed. State changes only by replaying what stands
 * there, at start and live alike, in the owner of a directory and in those who only read its files.
 */
export class GroupTable {
  readonly offsets = new OffsetsTable()
  readonly #groups = new Map<string, Group>()

  /** Replays every record of a batch, transaction markers included. Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(offsetsPartition: number, batch: RecordBatch): void {
    if (batch.isControl) {
      this.offsets.replayBatch(offsetsPartition, batch)
      return
    }
    const { producerId } = batch
    for (const { key, value, offset } of batch.records()) {
      this.replay({ key, value }, { offsetsPartition, producerId, logOffset: offset })
    }
  }

  /** Replays one record. Throws CORRUPT_BATCH, UNSUPPORTED. */
  replay(record: { readonly key: Buffer | null; readonly value: Buffer | null }, place: ReplayPlace): void {
    const key = parseRecordKey(record.key)
    if (key.kind === 'offset') this.offsets.replay(record, place)
    else if (key.kind === 'regex') this.#replayConsumer(key, record.value)
    else if (key.kind === 'unknown') return
    else if (key.type === RECORD_TYPES.GroupMetadata) this.#replayClassic(key.group, record.value)
    else if (CONSUMER_TYPES.has(key.type)) this.#replayConsumer(key, record.value)
    else this.#replayForeign(key, record.value)
  }

  /** A group that has records or commits. */
  get(group: string): Group | undefined {
    return this.#groups.get(group) ?? (this.offsets.hasGroup(group) ? new ClassicGroup(group) : undefined)
  }

  consumerGroups(): ConsumerGroup[] {
    return [...this.#groups.values()].filter((group) => group instanceof ConsumerGroup)
  }

  /** All groups by name, those that only hold commits included. */
  all(): Group[] {
    const names = new Set([...this.#groups.keys(), ...this.offsets.groups()])
    return [...names].sort().flatMap((name) => this.get(name) ?? [])
  }

  /** By name; of the given types only, if any are given. */
  list(types: readonly GroupType[] = []): ListedGroup[] {
    const rows = this.all().map((group) =>
      group instanceof ConsumerGroup
        ? ({ group: group.groupId, type: 'consumer', protocolType: 'consumer', state: group.state } as const)
        : group.list(),
    )
    return types.length === 0 ? rows : rows.filter((row) => types.includes(row.type))
  }

  /** `nameOf` turns topic ids into names; partitions of topics it does not know are left out. */
  describe(group: string, nameOf: (topicId: string) => string | undefined): DescribedGroup {
    const found = this.get(group)
    if (found instanceof ConsumerGroup) return describeConsumerGroup(found, nameOf)
    return found === undefined ? notFound(group) : found.describe()
  }

  #replayConsumer(key: ConsumerGroupKey, value: Buffer | null): void {
    let group = this.#groups.get(key.group)
    if (!(group instanceof ConsumerGroup)) {
      if (value === null) return
      group = new ConsumerGroup(key.group)
      this.#groups.set(key.group, group)
    }
    group.replay(key, value)
    if (key.type === RECORD_TYPES.ConsumerGroupMetadata && value === null) this.#groups.delete(key.group)
  }

  #replayClassic(group: string, value: Buffer | null): void {
    if (value !== null) this.#groups.set(group, new ClassicGroup(group, decodeClassicGroup(value)))
    else if (this.#groups.get(group) instanceof ClassicGroup) this.#groups.delete(group)
  }

  #replayForeign(key: GroupKey | MemberKey, value: Buffer | null): void {
    const type = foreignType(key.type)
    if (type === undefined) return
    let group = this.#groups.get(key.group)
    if (!(group instanceof ForeignGroup)) {
      if (value === null) return
      group = new ForeignGroup(key.group, type)
      this.#groups.set(key.group, group)
    }
    group.replay(key.type, key.kind === 'member' ? key.memberId : null, value)
    if (group.isGone) this.#groups.delete(key.group)
  }
}

const CONSUMER_TYPES: ReadonlySet<number> = new Set([
  RECORD_TYPES.ConsumerGroupMetadata,
  RECORD_TYPES.ConsumerGroupPartitionMetadata,
  RECORD_TYPES.ConsumerGroupMemberMetadata,
  RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata,
  RECORD_TYPES.ConsumerGroupTargetAssignmentMember,
  RECORD_TYPES.ConsumerGroupCurrentMemberAssignment,
])

function notFound(group: string): DescribedGroup {
  return {
    error: { code: 'GROUP_NOT_FOUND', message: `There is no group ${group}.` },
    group,
    type: 'consumer',
    state: 'Dead',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignor: '',
    members: [],
  }
}
