import type { RecordBatch } from '../record/record-batch.ts'
import { decodeControlRecord } from '../topic/control-record.ts'
import { decodeOffsetCommit } from './offset-commit-record.ts'
import { entryOf, OffsetMap } from './offset-map.ts'
import type { ReplayPlace } from './offsets-table.ts'
import { parseRecordKey } from './record-key.ts'

/** One thing that happened to a group's position in a partition: a commit, or its removal. */
export type CommitHistoryEntry =
  | {
      /** It was committed. */
      readonly kind: 'commit'
      /** The next offset to read. */
      readonly offset: number
      /** Of the record before it; −1: not known. */
      readonly leaderEpoch: number
      /** When, milliseconds since 1970. */
      readonly timestampMs: number
      /** The text that was committed with the offset. */
      readonly metadata: string
      /** Which topic of that name it was; null where the commit does not say. */
      readonly topicId: string | null
      /** Where in `__consumer_offsets` this stands. */
      readonly logOffset: number
    }
  | {
      /** The commit was removed: by deleting the group, its offsets or the topic, or because it expired. */
      readonly kind: 'tombstone'
      /** There is none any more. */
      readonly offset: null
      /** When, milliseconds since 1970. */
      readonly timestampMs: number
      /** There is none any more. */
      readonly metadata: null
      /** Where in `__consumer_offsets` this stands. */
      readonly logOffset: number
    }

export interface CommitHistoryOptions {
  /** Only this group. */
  readonly group?: string
  /** Only this topic. */
  readonly topic?: string
  /** Entries to keep per partition, the newest; all by default. */
  readonly keepNewest?: number
}

interface PendingEntry {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly entry: CommitHistoryEntry
}

/**
 * What groups have committed, and when, as far back as `__consumer_offsets` reaches (of what is compacted only the newest commits are left).
 * Fed with its records in order. A commit of a transaction appears when the transaction is committed.
 */
export class CommitHistory {
  readonly #options: CommitHistoryOptions
  readonly #timelines = new OffsetMap<CommitHistoryEntry[]>()
  readonly #pending = new Map<string, PendingEntry[]>()

  constructor(options: CommitHistoryOptions = {}) {
    this.#options = options
  }

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(offsetsPartition: number, batch: RecordBatch): void {
    const { producerId, isControl } = batch
    for (const record of batch.records()) {
      if (!isControl) {
        this.replay(record, { offsetsPartition, producerId, logOffset: record.offset })
        continue
      }
      const marker = decodeControlRecord(record.key, record.value)
      if (marker.type === 'Commit') this.replayMarker(offsetsPartition, producerId, 'commit')
      else if (marker.type === 'Abort') this.replayMarker(offsetsPartition, producerId, 'abort')
    }
  }

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replay(
    record: { readonly key: Buffer | null; readonly value: Buffer | null; readonly timestampMs: number },
    place: ReplayPlace,
  ): void {
    const key = parseRecordKey(record.key)
    if (key.kind !== 'offset') return
    const { group, topic, partition } = key
    if (group !== (this.#options.group ?? group) || topic !== (this.#options.topic ?? topic)) return
    const entry = entryFrom(record.value, record.timestampMs, place.logOffset)
    if (place.producerId >= 0 && entry.kind === 'commit') {
      const pending = entryOf(this.#pending, `${place.offsetsPartition}:${place.producerId}`, (): PendingEntry[] => [])
      pending.push({ group, topic, partition, entry })
      return
    }
    this.#add({ group, topic, partition, entry })
  }

  replayMarker(offsetsPartition: number, producerId: number, result: 'commit' | 'abort'): void {
    const transaction = `${offsetsPartition}:${producerId}`
    const pending = this.#pending.get(transaction) ?? []
    this.#pending.delete(transaction)
    if (result === 'commit') for (const each of pending) this.#add(each)
  }

  /** Oldest first. */
  entries(group: string, topic: string, partition: number): readonly CommitHistoryEntry[] {
    return this.#timelines.get(group, topic, partition) ?? []
  }

  /** Every partition something happened to in a group. */
  *partitionsOf(
    group: string,
  ): Generator<{ topic: string; partition: number; entries: readonly CommitHistoryEntry[] }> {
    for (const { topic, partition, value } of this.#timelines.entriesOfGroup(group)) {
      yield { topic, partition, entries: value }
    }
  }

  #add({ group, topic, partition, entry }: PendingEntry): void {
    let timeline = this.#timelines.get(group, topic, partition)
    if (timeline === undefined) {
      timeline = []
      this.#timelines.set(group, topic, partition, timeline)
    }
    timeline.push(entry)
    const keep = this.#options.keepNewest ?? Number.POSITIVE_INFINITY
    if (timeline.length > keep) timeline.splice(0, timeline.length - keep)
  }
}

function entryFrom(value: Buffer | null, timestampMs: number, logOffset: number): CommitHistoryEntry {
  if (value === null) return { kind: 'tombstone', offset: null, timestampMs, metadata: null, logOffset }
  const { offset, leaderEpoch, commitTimestampMs, metadata, topicId } = decodeOffsetCommit(value)
  return { kind: 'commit', offset, leaderEpoch, timestampMs: commitTimestampMs, metadata, topicId, logOffset }
}
