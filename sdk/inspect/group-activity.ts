import { decodeCurrentAssignment, type HeldPartitions } from '../group/current-assignment-record.ts'
import type { PartitionId } from '../group/partition-id.ts'
import { parseRecordKey, RECORD_TYPES } from '../offsets/record-key.ts'
import type { RecordBatch } from '../record/record-batch.ts'

/** What members of one group did, as far back as was looked. */
export interface ActivityOfGroup {
  /** When a member that held the partition left the group, oldest first. */
  readonly givenUpAtMs: ReadonlyMap<PartitionId, readonly number[]>
  /** When the group last had to divide its partitions anew; null: not in this time. */
  readonly dividedAtMs: number | null
}

interface Changing {
  readonly givenUpAtMs: Map<PartitionId, number[]>
  readonly held: Map<string, HeldPartitions>
  dividedAtMs: number | null
}

/** Who came and went, by replay of the group records in `__consumer_offsets`. Groups of the classic protocol leave no such trace. */
export class GroupActivity {
  readonly #groups = new Map<string, Changing>()

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(batch: RecordBatch): void {
    if (batch.isControl) return
    for (const { key, value, timestampMs } of batch.records()) this.#replay(key, value, timestampMs)
  }

  of(group: string): ActivityOfGroup {
    return this.#groups.get(group) ?? { givenUpAtMs: new Map(), dividedAtMs: null }
  }

  #replay(keyBytes: Buffer | null, value: Buffer | null, timestampMs: number): void {
    const key = parseRecordKey(keyBytes)
    if (key.kind === 'group' && key.type === RECORD_TYPES.ConsumerGroupMetadata && value !== null) {
      this.#group(key.group).dividedAtMs = timestampMs
    }
    if (key.kind !== 'member' || key.type !== RECORD_TYPES.ConsumerGroupCurrentMemberAssignment) return
    const group = this.#group(key.group)
    if (value !== null) {
      group.held.set(key.memberId, decodeCurrentAssignment(value).assigned)
      return
    }
    for (const id of group.held.get(key.memberId)?.keys() ?? []) {
      const times = group.givenUpAtMs.get(id)
      if (times === undefined) group.givenUpAtMs.set(id, [timestampMs])
      else times.push(timestampMs)
    }
    group.held.delete(key.memberId)
  }

  #group(name: string): Changing {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = { givenUpAtMs: new Map(), held: new Map(), dividedAtMs: null }
      this.#groups.set(name, group)
    }
    return group
  }
}
