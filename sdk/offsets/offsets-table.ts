import type { RecordBatch } from '../record/record-batch.ts'
import { decodeControlRecord } from '../topic/control-record.ts'
import type { CoordinatorRecord } from './coordinator-record.ts'
import { decodeOffsetCommit, type OffsetCommit, offsetTombstone } from './offset-commit-record.ts'
import { entryOf, OffsetMap } from './offset-map.ts'
import { parseRecordKey } from './record-key.ts'

/** Where a replayed record stands. */
export interface ReplayPlace {
  /** The partition of `__consumer_offsets`. */
  readonly offsetsPartition: number
  /** The batch's: −1 unless a producer committed in a transaction. */
  readonly producerId: number
  /** The record's offset there. */
  readonly logOffset: number
}

/** A commit that counts. */
export interface CommittedPosition extends OffsetCommit {
  readonly topic: string
  readonly partition: number
  /** Where in its partition of `__consumer_offsets` it stands. */
  readonly logOffset: number
}

/** Tombstones for one group: they belong into the group's partition of `__consumer_offsets`. */
export interface GroupTombstones {
  readonly group: string
  readonly records: readonly CoordinatorRecord[]
}

/** Ordinary commits; transactional ones wait for their marker. */
const NO_PRODUCER_ID = -1

/**
 * The committed offsets of all groups. State changes only by replaying what stands in `__consumer_offsets`, at start and
 * live alike; records of other kinds are passed over.
 */
export class OffsetsTable {
  readonly #committed = new OffsetMap<CommittedPosition>()
  /** Commits whose transaction is open. A marker ends it in one partition only, so each partition has its own. */
  readonly #pending = new Map<string, OffsetMap<CommittedPosition>>()

  /** Replays every record of a batch, markers included. Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(offsetsPartition: number, batch: RecordBatch): void {
    const { producerId, isControl } = batch
    for (const { key, value, offset } of batch.records()) {
      if (!isControl) {
        this.replay({ key, value }, { offsetsPartition, producerId, logOffset: offset })
        continue
      }
      const marker = decodeControlRecord(key, value)
      if (marker.type === 'Commit') this.replayMarker(offsetsPartition, producerId, 'commit')
      else if (marker.type === 'Abort') this.replayMarker(offsetsPartition, producerId, 'abort')
    }
  }

  /** Replays one record. Throws CORRUPT_BATCH, UNSUPPORTED. */
  replay(record: { readonly key: Buffer | null; readonly value: Buffer | null }, place: ReplayPlace): void {
    const key = parseRecordKey(record.key)
    if (key.kind !== 'offset') return
    const { group, topic, partition } = key
    if (record.value === null) {
      this.#committed.delete(group, topic, partition)
      for (const pending of this.#pending.values()) pending.delete(group, topic, partition)
      return
    }
    const position = { topic, partition, ...decodeOffsetCommit(record.value), logOffset: place.logOffset }
    if (place.producerId === NO_PRODUCER_ID) {
      this.#committed.set(group, topic, partition, position)
      return
    }
    const transaction = transactionKey(place.offsetsPartition, place.producerId)
    const pending = entryOf(this.#pending, transaction, () => new OffsetMap<CommittedPosition>())
    pending.set(group, topic, partition, position)
  }

  /** Ends a transaction in one partition of `__consumer_offsets`: its commits count from now on, or never did. */
  replayMarker(offsetsPartition: number, producerId: number, result: 'commit' | 'abort'): void {
    const transaction = transactionKey(offsetsPartition, producerId)
    const pending = this.#pending.get(transaction)
    this.#pending.delete(transaction)
    if (pending === undefined || result === 'abort') return
    for (const { group, topic, partition, value } of pending.entries()) {
      // An ordinary commit may have come after the transactional one and before the marker: the later record counts.
      const present = this.#committed.get(group, topic, partition)
      if (present === undefined || value.logOffset > present.logOffset) {
        this.#committed.set(group, topic, partition, value)
      }
    }
  }

  get(group: string, topic: string, partition: number): CommittedPosition | undefined {
    return this.#committed.get(group, topic, partition)
  }

  /** Whether an open transaction has a commit for it, so that the committed offset is about to change. */
  pendingFor(group: string, topic: string, partition: number): boolean {
    for (const pending of this.#pending.values()) if (pending.get(group, topic, partition) !== undefined) return true
    return false
  }

  /** Groups that have committed, or are about to in a transaction. Unsorted. */
  groups(): string[] {
    const groups = new Set(this.#committed.groups())
    for (const pending of this.#pending.values()) for (const group of pending.groups()) groups.add(group)
    return [...groups]
  }

  hasGroup(group: string): boolean {
    if (this.#committed.hasGroup(group)) return true
    for (const pending of this.#pending.values()) if (pending.hasGroup(group)) return true
    return false
  }

  /** Everything a group has committed, by topic and partition. */
  partitionsOf(group: string): CommittedPosition[] {
    const positions = Array.from(this.#committed.entriesOfGroup(group), ({ value }) => value)
    return positions.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  /** The tombstones to append when a group is deleted, besides the group's own. */
  tombstonesOfGroup(group: string): CoordinatorRecord[] {
    const tombstones = new OffsetMap<CoordinatorRecord>()
    for (const map of this.#all()) {
      for (const { topic, partition } of map.entriesOfGroup(group)) {
        tombstones.set(group, topic, partition, offsetTombstone(group, topic, partition))
      }
    }
    return Array.from(tombstones.entriesOfGroup(group), ({ value }) => value)
  }

  /**
   * The tombstones to append when a topic is deleted, without which a new topic of that name would inherit the commits.
   * Commits that say they belong to another topic id of that name stay.
   */
  tombstonesOfTopic(topic: string, topicId: string): GroupTombstones[] {
    const tombstones = new OffsetMap<CoordinatorRecord>()
    for (const map of this.#all()) {
      for (const { group, partition, value } of map.entriesOfTopic(topic)) {
        if (value.topicId !== null && value.topicId !== topicId) continue
        tombstones.set(group, topic, partition, offsetTombstone(group, topic, partition))
      }
    }
    return Array.from(tombstones.groups(), (group) => ({
      group,
      records: Array.from(tombstones.entriesOfGroup(group), ({ value }) => value),
    }))
  }

  #all(): OffsetMap<CommittedPosition>[] {
    return [this.#committed, ...this.#pending.values()]
  }
}

function transactionKey(offsetsPartition: number, producerId: number): string {
  return `${offsetsPartition}:${producerId}`
}
