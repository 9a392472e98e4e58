import { RECORD_TYPES } from '../offsets/record-key.ts'
import type { DescribedGroup, ListedGroup } from './group-description.ts'

/** Which of Kafka's other protocols a record type belongs to, and what it counts. */
const FOREIGN_TYPES: ReadonlyMap<number, { readonly type: 'share' | 'streams'; readonly counts: 'group' | 'member' }> =
  new Map([
    [RECORD_TYPES.ShareGroupMetadata, { type: 'share', counts: 'group' }],
    [RECORD_TYPES.ShareGroupMemberMetadata, { type: 'share', counts: 'member' }],
    [RECORD_TYPES.StreamsGroupMetadata, { type: 'streams', counts: 'group' }],
    [RECORD_TYPES.StreamsGroupMemberMetadata, { type: 'streams', counts: 'member' }],
  ])

export function foreignType(recordType: number): 'share' | 'streams' | undefined {
  return FOREIGN_TYPES.get(recordType)?.type
}

/**
 * A share or streams group that a broker left: it is listed, and its name is taken. Nothing is written for it, since a
 * broker refuses a partition in which one name is two kinds of group.
 */
export class ForeignGroup {
  readonly groupId: string
  readonly type: 'share' | 'streams'
  readonly #members = new Set<string>()
  #isWritten = false

  constructor(groupId: string, type: 'share' | 'streams') {
    this.groupId = groupId
    this.type = type
  }

  /** Whether nothing of it is left. */
  get isGone(): boolean {
    return !this.#isWritten && this.#members.size === 0
  }

  get state(): 'Empty' | 'Stable' {
    return this.#members.size === 0 ? 'Empty' : 'Stable'
  }

  replay(recordType: number, memberId: string | null, value: Buffer | null): void {
    if (FOREIGN_TYPES.get(recordType)?.counts === 'group') this.#isWritten = value !== null
    else if (memberId !== null && value !== null) this.#members.add(memberId)
    else if (memberId !== null) this.#members.delete(memberId)
  }

  list(): ListedGroup {
    return { group: this.groupId, type: this.type, protocolType: this.type, state: this.state }
  }

  /** Members are left out: their records are not understood here. */
  describe(): DescribedGroup {
    const { groupId: group, type, state } = this
    return { error: null, group, type, state, groupEpoch: 0, assignmentEpoch: 0, assignor: '', members: [] }
  }
}
