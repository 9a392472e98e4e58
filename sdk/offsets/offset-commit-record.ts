import { assert } from '../assert.ts'
import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import { ZERO_UUID } from '../record/uuid.ts'
import type { CoordinatorRecord } from './coordinator-record.ts'
import { encodeRecordKey, RECORD_TYPES } from './record-key.ts'

/** What a commit says about its partition. */
export interface OffsetCommit {
  /** The next offset to read. */
  readonly offset: number
  /** The epoch of the last processed record; −1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** Only old clients that asked for a retention of their own. */
  readonly expireTimestampMs: number | null
  /** null: not known (before version 4, and in transactions). */
  readonly topicId: string | null
}

const TOPIC_ID_TAG = 0

/** The record that commits. Version 4, as Kafka writes since 4.1. */
export function offsetCommitRecord(
  place: { readonly group: string; readonly topic: string; readonly partition: number },
  commit: Omit<OffsetCommit, 'expireTimestampMs'>,
): CoordinatorRecord {
  const { group, topic, partition } = place
  return {
    key: offsetCommitKey(group, topic, partition),
    value: encodeOffsetCommit({ ...commit, expireTimestampMs: null }),
  }
}

/** The record that forgets a commit. */
export function offsetTombstone(group: string, topic: string, partition: number): CoordinatorRecord {
  return { key: offsetCommitKey(group, topic, partition), value: null }
}

export function offsetCommitKey(group: string, topic: string, partition: number): Buffer {
  return encodeRecordKey({ kind: 'offset', type: RECORD_TYPES.OffsetCommit, group, topic, partition })
}

/** Reads the value of a commit, versions 0 to 4. Throws CORRUPT_BATCH, UNSUPPORTED. */
export function decodeOffsetCommit(value: Buffer): OffsetCommit {
  const reader = new ByteReader(value, 'The value of an offset commit')
  const version = reader.i16()
  if (version < 0 || version > 4) {
    const message = `An offset commit has version ${version}, 0 to 4 are understood: a newer Kafka wrote it.`
    throw new TidemarkError('UNSUPPORTED', message)
  }
  const offset = reader.i64()
  const leaderEpoch = version >= 3 ? reader.i32() : -1
  const metadata = version >= 4 ? reader.compactString() : reader.string16()
  const commitTimestampMs = reader.i64()
  const expiry = version === 1 ? reader.i64() : -1
  const topicId = version >= 4 ? reader.taggedFields().get(TOPIC_ID_TAG) : undefined
  return {
    offset,
    leaderEpoch,
    metadata,
    commitTimestampMs,
    expireTimestampMs: expiry === -1 ? null : expiry,
    topicId: topicId === undefined ? null : readTopicId(topicId),
  }
}

/** The value of a commit, in any version; what the version cannot carry is left out. */
export function encodeOffsetCommit(commit: OffsetCommit, version = 4): Buffer {
  assert(version >= 0 && version <= 4, `version ${version} of an offset commit`)
  const writer = new ByteWriter(64).i16(version).i64(commit.offset)
  if (version >= 3) writer.i32(commit.leaderEpoch)
  if (version >= 4) writer.compactString(commit.metadata)
  else writer.string16(commit.metadata)
  writer.i64(commit.commitTimestampMs)
  if (version === 1) writer.i64(commit.expireTimestampMs ?? -1)
  if (version >= 4) {
    const { topicId } = commit
    writer.taggedFields(
      topicId === null ? undefined : new Map([[TOPIC_ID_TAG, new ByteWriter(16).uuid(topicId).toBuffer()]]),
    )
  }
  return writer.toBuffer()
}

function readTopicId(tag: Buffer): string | null {
  const topicId = new ByteReader(tag, 'The topic id of an offset commit').uuid()
  return topicId === ZERO_UUID ? null : topicId
}
