import type { Broker } from '../broker/broker.ts'
import { StoredBatches } from '../client/stored-batches.ts'
import { TidemarkError } from '../errors.ts'
import { CommitHistory, type CommitHistoryEntry } from '../offsets/commit-history.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { parseRecordKey } from '../offsets/record-key.ts'
import { BATCH_HEADER_BYTES, type RecordBatch } from '../record/record-batch.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { type ActivityOfGroup, GroupActivity } from './group-activity.ts'

/** What was found when the trail was read on. */
export interface TrailNews {
  /** Groups of which anything was appended. */
  readonly groups: ReadonlySet<string>
  /** The trail, or a part of it, was begun anew, so anything may have changed. */
  readonly isAnew: boolean
}

/** How far to read, and whose. */
export interface TrailQuestion {
  /** Where to begin in what was not read before, milliseconds since 1970. */
  readonly sinceMs: number
  /** Default: every group. */
  readonly group?: string | undefined
}

/**
 * What groups committed and who came and went, from `__consumer_offsets`: each partition of it is read once, however many
 * groups it has, and the next time from where that ended.
 */
export class GroupTrail {
  readonly #broker: Broker
  readonly #keepNewest: number
  readonly #parts = new Map<number, TrailPart>()
  #partitions = 0

  /** `keepNewest`: how many commits per group and partition stay known; all by default. */
  constructor(broker: Broker, { keepNewest = Number.POSITIVE_INFINITY }: { readonly keepNewest?: number } = {}) {
    this.#broker = broker
    this.#keepNewest = keepNewest
  }

  /** Reads what was appended since the last time. */
  async readOn({ sinceMs, group }: TrailQuestion): Promise<TrailNews> {
    const groups = new Set<string>()
    let isAnew = false
    this.#partitions = await this.#count()
    for (const { partition, offset } of await this.#ends(group)) {
      const part = this.#parts.get(partition)
      const isNew = part === undefined || !(await part.readOn(offset, groups))
      if (!isNew) continue
      isAnew = true
      const anew = new TrailPart(this.#broker, partition, this.#keepNewest)
      await anew.begin(sinceMs, offset)
      this.#parts.set(partition, anew)
    }
    return { groups, isAnew }
  }

  /** Oldest first. */
  commits(group: string, topic: string, partition: number): readonly CommitHistoryEntry[] {
    return this.#part(group)?.commits.entries(group, topic, partition) ?? []
  }

  activity(group: string): ActivityOfGroup {
    return (this.#part(group)?.activity ?? new GroupActivity()).of(group)
  }

  #part(group: string): TrailPart | undefined {
    return this.#partitions === 0 ? undefined : this.#parts.get(groupPartition(group, this.#partitions))
  }

  async #count(): Promise<number> {
    const { topics } = await this.#broker.metadata({ topics: [CONSUMER_OFFSETS_TOPIC] })
    return topics.find(({ name }) => name === CONSUMER_OFFSETS_TOPIC)?.partitions.length ?? 0
  }

  /** Of every partition, or of the one that has the group; what cannot be asked is left out. */
  async #ends(group: string | undefined): Promise<readonly { readonly partition: number; readonly offset: number }[]> {
    const all = Array.from({ length: this.#partitions }, (_, partition) => partition)
    const wanted = group === undefined ? all : all.slice(0, 1).map(() => groupPartition(group, this.#partitions))
    if (wanted.length === 0) return []
    const partitions = wanted.map((partition) => ({ topic: CONSUMER_OFFSETS_TOPIC, partition, at: 'latest' as const }))
    const answers = await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })
    return answers.partitions.filter(({ error }) => error === null)
  }
}

/** One partition of `__consumer_offsets`, as far as it was read. */
class TrailPart {
  readonly commits: CommitHistory
  readonly activity = new GroupActivity()
  readonly #partition: number
  readonly #stored: StoredBatches
  /** Groups for which an open transaction has committed, by producer: their commits count when its marker comes. */
  readonly #pending = new Map<number, Set<string>>()
  #nextOffset = 0
  #lastOffset = -1
  #lastHeader: Buffer = Buffer.alloc(0)

  constructor(broker: Broker, partition: number, keepNewest: number) {
    this.#partition = partition
    this.#stored = new StoredBatches(broker, { topic: CONSUMER_OFFSETS_TOPIC, partition })
    this.commits = new CommitHistory({ keepNewest })
  }

  /** `end`: where the log ended before. */
  async begin(sinceMs: number, end: number): Promise<void> {
    this.#nextOffset = end
    // As most are where there are few groups.
    if (end === 0) return
    for await (const { batches, nextOffset } of this.#stored.slices({ sinceMs })) {
      for (const batch of batches) this.#replay(batch, new Set())
      this.#nextOffset = nextOffset
    }
  }

  /** Takes up what was appended up to `end`, and adds whose it is. False where what was read last is not there any more. */
  async readOn(end: number, groups: Set<string>): Promise<boolean> {
    if (end === this.#nextOffset) return true
    if (end < this.#nextOffset) return false
    // The batch that was read last is looked at again: an offset alone does not tell one log from another.
    let isSame = this.#lastOffset < 0
    const fromOffset = isSame ? this.#nextOffset : this.#lastOffset
    for await (const { batches, nextOffset } of this.#stored.slices({ fromOffset })) {
      for (const batch of batches) {
        if (!isSame) {
          if (batch.baseOffset !== this.#lastOffset || !headerOf(batch).equals(this.#lastHeader)) return false
          isSame = true
        } else this.#replay(batch, groups)
      }
      this.#nextOffset = nextOffset
    }
    return isSame
  }

  #replay(batch: RecordBatch, groups: Set<string>): void {
    this.#lastOffset = batch.baseOffset
    this.#lastHeader = headerOf(batch)
    try {
      this.#note(batch, groups)
      this.commits.replayBatch(this.#partition, batch)
      this.activity.replayBatch(batch)
    } catch (error) {
      // Passed over as when groups are loaded, where it is told.
      if (!(error instanceof TidemarkError) || error.code !== 'CORRUPT_BATCH') throw error
    }
  }

  #note(batch: RecordBatch, groups: Set<string>): void {
    const { producerId, isControl } = batch
    if (isControl) {
      for (const group of this.#pending.get(producerId) ?? []) groups.add(group)
      this.#pending.delete(producerId)
      return
    }
    for (const { key: bytes } of batch.records()) {
      const key = parseRecordKey(bytes)
      if (key.kind === 'unknown') continue
      groups.add(key.group)
      if (producerId < 0) continue
      const pending = this.#pending.get(producerId) ?? new Set()
      this.#pending.set(producerId, pending.add(key.group))
    }
  }
}

function headerOf(batch: RecordBatch): Buffer {
  return Buffer.from(batch.bytes.subarray(0, BATCH_HEADER_BYTES))
}
