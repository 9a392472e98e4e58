import type { CodecName } from '../record/compression.ts'
import type { FileKind } from './file-kind.ts'

/** One thing in a file, in the order in which it stands there; the file itself comes first. */
export type FileRow = FileHeadRow | BatchRow | RecordRow | EntryRow | ProblemRow

/** What the file is. */
export interface FileHeadRow {
  /** Tells the kinds of rows apart. */
  readonly row: 'file'
  /** By its name and where it stands. */
  readonly kind: FileKind
  /** How large the file is. */
  readonly sizeBytes: number
  /** For people: "log segment of payments-0, from offset 0 on". */
  readonly about: string
}

/** A batch of a log or of a metadata snapshot. */
export interface BatchRow {
  /** Tells the kinds of rows apart. */
  readonly row: 'batch'
  /** Byte in the file. */
  readonly position: number
  /** From its first byte to its last. */
  readonly sizeBytes: number
  /** The first offset it is about. */
  readonly baseOffset: number
  /** The last offset it is about, which may be gone by compaction. */
  readonly lastOffset: number
  /** Fewer than the offsets say where the log was compacted. */
  readonly recordCount: number
  /** −1: none. */
  readonly leaderEpoch: number
  /** How its records are compressed. */
  readonly codec: CodecName
  /** Whether the times are those of the producers or of the log. */
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** Milliseconds since 1970; −1: none. */
  readonly maxTimestampMs: number
  /** −1: the producer is not idempotent. */
  readonly producerId: number
  /** Raised when the producer started anew; −1: not idempotent. */
  readonly producerEpoch: number
  /** The producer's own number of the first record; −1: not idempotent. */
  readonly baseSequence: number
  /** Whether it is part of a transaction. */
  readonly isTransactional: boolean
  /** Whether it is a marker of Kafka's own, which no consumer gets. */
  readonly isControl: boolean
  /** After this time compaction may remove tombstones and markers. */
  readonly deleteHorizonMs: number | null
  /** The checksum as it stands there (CRC-32C). */
  readonly crc: number
}

/** A record of the batch before it. */
export interface RecordRow {
  /** Tells the kinds of rows apart. */
  readonly row: 'record'
  /** Of its batch. */
  readonly position: number
  /** Its number in the partition. */
  readonly offset: number
  /** Milliseconds since 1970; −1: none. */
  readonly timestampMs: number
  /** null: it has none. */
  readonly key: Uint8Array | null
  /** null: a tombstone. */
  readonly value: Uint8Array | null
  /** In the order they were sent; keys may repeat. */
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
  /** What is in the key; null where it is not understood. */
  readonly key: Fields | null
  /** What is in the value; null for a tombstone, or where it is not understood. */
  readonly value: Fields | null
}

/** A line of a text file, or an entry of an index or a snapshot. */
export interface EntryRow {
  /** Tells the kinds of rows apart. */
  readonly row: 'entry'
  /** Byte in the file; in text files the line, from 1. */
  readonly position: number
  /** The same names in all entries of a file. */
  readonly fields: Fields
}

/** What is wrong at a place. The rows go on behind it as far as the file can be read. */
export interface ProblemRow {
  /** Tells the kinds of rows apart. */
  readonly row: 'problem'
  /** As in `EntryRow`; null where it concerns the file as a whole. */
  readonly position: number | null
  /** For people: what is wrong. */
  readonly what: string
}

/** What a field of a row may hold. */
export type FieldValue = string | number | boolean | null | readonly FieldValue[] | Fields
/** The fields of an entry or of a record of Kafka's own, by the names of Kafka's schemas. */
export interface Fields {
  readonly [name: string]: FieldValue
}

export function problemRow(what: string, position: number | null = null): ProblemRow {
  return { row: 'problem', position, what }
}
