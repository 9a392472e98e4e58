import { decodeCurrentAssignment } from '../group/current-assignment-record.ts'
import type { PartitionId } from '../group/partition-id.ts'
import { RECORD_TYPES, type RecordKey } from '../offsets/record-key.ts'

interface SeenGroup {
  isClassic: boolean
  hasTargetEpoch: boolean
  readonly members: Set<string>
  readonly targets: Set<string>
  /** By member; only those that hold something. */
  readonly held: Map<string, readonly PartitionId[]>
  readonly owners: Map<PartitionId, string>
}

/**
 * Kafka's broker replays group records strictly: one in a wrong order, and it refuses every group of that partition of
 * `__consumer_offsets`. Tidemark's own replay forgives; here the broker's rules are applied.
 */
export class GroupOrderCheck {
  readonly #groups = new Map<string, SeenGroup>()

  /** What a broker would stumble over in this record, or null. Throws CORRUPT_BATCH for a value that cannot be decoded. */
  replay(key: RecordKey, value: Buffer | null): string | null {
    if (key.kind === 'unknown' || key.kind === 'offset') return null
    const group = this.#group(key.group)
    if (key.type === RECORD_TYPES.GroupMetadata) {
      group.isClassic = value !== null
      return null
    }
    if (!CONSUMER_TYPES.has(key.type)) return null
    if (group.isClassic) {
      // Writing a consumer group over a classic one is only allowed once the classic one was struck out.
      return value === null ? null : `a record of type ${key.type} follows for the classic group ${quoted(key.group)}`
    }
    if (key.kind === 'member') return this.#replayMember(group, key.type, key.memberId, value)
    return key.kind === 'group' ? this.#replayGroup(group, key.type, value) : null
  }

  #replayGroup(group: SeenGroup, type: number, value: Buffer | null): string | null {
    if (type === RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata) {
      group.hasTargetEpoch = value !== null
      const isEarly = value === null && group.targets.size > 0
      return isEarly ? `the target epoch (6) is struck out while ${group.targets.size} targets (7) remain` : null
    }
    if (type !== RECORD_TYPES.ConsumerGroupMetadata || value !== null) return null
    if (group.members.size > 0) return `the group (3) is struck out while ${group.members.size} members (5) remain`
    if (group.targets.size > 0) return `the group (3) is struck out while ${group.targets.size} targets (7) remain`
    return group.hasTargetEpoch ? 'the group (3) is struck out before its target epoch (6)' : null
  }

  #replayMember(group: SeenGroup, type: number, memberId: string, value: Buffer | null): string | null {
    switch (type) {
      case RECORD_TYPES.ConsumerGroupMemberMetadata:
        if (value !== null) {
          group.members.add(memberId)
          return null
        }
        group.members.delete(memberId)
        if (group.held.has(memberId)) return `member ${memberId} (5) is struck out before its assignment (8)`
        return group.targets.has(memberId) ? `member ${memberId} (5) is struck out before its target (7)` : null
      case RECORD_TYPES.ConsumerGroupTargetAssignmentMember:
        if (value === null) group.targets.delete(memberId)
        else group.targets.add(memberId)
        return null
      default:
        return this.#replayAssignment(group, memberId, value)
    }
  }

  #replayAssignment(group: SeenGroup, memberId: string, value: Buffer | null): string | null {
    for (const id of group.held.get(memberId) ?? []) if (group.owners.get(id) === memberId) group.owners.delete(id)
    group.held.delete(memberId)
    if (value === null) return null
    const { assigned, pendingRevocation } = decodeCurrentAssignment(value)
    const held = [...assigned.keys(), ...pendingRevocation.keys()]
    group.held.set(memberId, held)
    let problem: string | null = null
    for (const id of held) {
      const owner = group.owners.get(id)
      if (owner !== undefined)
        problem ??= `member ${memberId} gets partition ${id} while member ${owner} still holds it`
      group.owners.set(id, memberId)
    }
    return problem
  }

  #group(name: string): SeenGroup {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = {
        isClassic: false,
        hasTargetEpoch: false,
        members: new Set(),
        targets: new Set(),
        held: new Map(),
        owners: new Map(),
      }
      this.#groups.set(name, group)
    }
    return group
  }
}

const CONSUMER_TYPES: ReadonlySet<number> = new Set([
  RECORD_TYPES.ConsumerGroupMetadata,
  RECORD_TYPES.ConsumerGroupMemberMetadata,
  RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata,
  RECORD_TYPES.ConsumerGroupTargetAssignmentMember,
  RECORD_TYPES.ConsumerGroupCurrentMemberAssignment,
])

function quoted(text: string): string {
  return JSON.stringify(text)
}
