import { decodeCurrentAssignment, type HeldPartitions } from '../group/current-assignment-record.ts'
import type { PartitionId } from '../group/partition-id.ts'
import { parseRecordKey, RECORD_TYPES } from '../offsets/record-key.ts'
import type { LogRecord, RecordBatch } from '../record/record-batch.ts'

/** A member that held partitions and left the group. */
export interface Departure {
  /** When, in milliseconds since 1970. */
  readonly atMs: number
  /** What it held when it left. */
  readonly partitions: ReadonlySet<PartitionId>
  /** Where in `__consumer_offsets` it got its first partition, as far as is known: its commits come behind. */
  readonly fromLogOffset: number
  /** Where it left: its commits come before. */
  readonly toLogOffset: number
}

/** What members of one group did, as far back as was looked. */
export interface ActivityOfGroup {
  /** Oldest first. */
  readonly departures: readonly Departure[]
  /** When the group last had to divide its partitions anew; null: not in this time. */
  readonly dividedAtMs: number | null
}

interface Changing {
  readonly departures: Departure[]
  readonly held: Map<string, { readonly assigned: HeldPartitions; readonly fromLogOffset: number }>
  dividedAtMs: number | null
}

/** Of each group so many are kept: whoever looks for days must not remember them all. */
const KEEP_DEPARTURES = 1_000

/** Who came and went, by replay of the group records in `__consumer_offsets`. Groups of the classic protocol leave no such trace. */
export class GroupActivity {
  readonly #groups = new Map<string, Changing>()

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(batch: RecordBatch): void {
    if (batch.isControl) return
    for (const record of batch.records()) this.#replay(record)
  }

  of(group: string): ActivityOfGroup {
    return this.#groups.get(group) ?? { departures: [], dividedAtMs: null }
  }

  #replay({ key: keyBytes, value, timestampMs, offset }: LogRecord): void {
    const key = parseRecordKey(keyBytes)
    if (key.kind === 'group' && key.type === RECORD_TYPES.ConsumerGroupMetadata && value !== null) {
      this.#group(key.group).dividedAtMs = timestampMs
    }
    if (key.kind !== 'member' || key.type !== RECORD_TYPES.ConsumerGroupCurrentMemberAssignment) return
    const group = this.#group(key.group)
    const held = group.held.get(key.memberId)
    if (value !== null) {
      const { assigned } = decodeCurrentAssignment(value)
      group.held.set(key.memberId, { assigned, fromLogOffset: held?.fromLogOffset ?? offset })
      return
    }
    group.held.delete(key.memberId)
    if (held === undefined || held.assigned.size === 0) return
    const { assigned, fromLogOffset } = held
    group.departures.push({
      atMs: timestampMs,
      partitions: new Set(assigned.keys()),
      fromLogOffset,
      toLogOffset: offset,
    })
    if (group.departures.length > KEEP_DEPARTURES) group.departures.shift()
  }

  #group(name: string): Changing {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = { departures: [], held: new Map(), dividedAtMs: null }
      this.#groups.set(name, group)
    }
    return group
  }
}
