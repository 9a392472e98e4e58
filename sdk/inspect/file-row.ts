import type { CodecName } from '../record/compression.ts'
import type { FileKind } from './file-kind.ts'

/** One thing in a file, in the order in which it stands there; the file itself comes first. */
export type FileRow = FileHeadRow | BatchRow | RecordRow | EntryRow | ProblemRow

/** What the file is. */
export interface FileHeadRow {
  readonly row: 'file'
  readonly kind: FileKind
  readonly sizeBytes: number
  /** For people: "log segment of payments-0, from offset 0 on". */
  readonly about: string
}

/** A batch of a log or of a metadata snapshot. */
export interface BatchRow {
  readonly row: 'batch'
  /** Byte in the file. */
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Fewer than the offsets say where the log was compacted. */
  readonly recordCount: number
  /** −1: none. */
  readonly leaderEpoch: number
  readonly codec: CodecName
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** Milliseconds since 1970; −1: none. */
  readonly maxTimestampMs: number
  /** −1: the producer is not idempotent. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  /** After this time compaction may remove tombstones and markers. */
  readonly deleteHorizonMs: number | null
  readonly crc: number
}

/** A record of the batch before it. */
export interface RecordRow {
  readonly row: 'record'
  /** Of its batch. */
  readonly position: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  /** null: a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** What it says, in Kafka's own logs and in control batches; null for records of yours. */
  readonly meaning: RecordMeaning | null
}

/** What a record says that Kafka wrote for itself. */
export interface RecordMeaning {
  /** As Kafka's schemas call it: `OffsetCommit`, `ConsumerGroupMemberMetadata`, `Partition`. */
  readonly type: string
  /** For people, without a full stop: "fraud commits payments-0 at 41". */
  readonly words: string
  /** What is in the key, and in the value; null for a tombstone, or where it is not understood. */
  readonly key: Fields | null
  readonly value: Fields | null
}

/** A line of a text file, or an entry of an index or a snapshot. */
export interface EntryRow {
  readonly row: 'entry'
  /** Byte in the file; in text files the line, from 1. */
  readonly position: number
  /** The same names in all entries of a file. */
  readonly fields: Fields
}

/** What is wrong at a place. The rows go on behind it as far as the file can be read. */
export interface ProblemRow {
  readonly row: 'problem'
  /** As in `EntryRow`; null where it concerns the file as a whole. */
  readonly position: number | null
  readonly what: string
}

export type FieldValue = string | number | boolean | null | readonly FieldValue[] | Fields
export interface Fields {
  readonly [name: string]: FieldValue
}

export function problemRow(what: string, position: number | null = null): ProblemRow {
  return { row: 'problem', position, what }
}
