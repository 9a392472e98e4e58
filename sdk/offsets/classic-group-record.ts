import { assert } from '../assert.ts'
import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import type { CoordinatorRecord } from './coordinator-record.ts'
import { encodeRecordKey, RECORD_TYPES } from './record-key.ts'

/** A group of the classic protocol as it was last written: the value of record type 2. */
export interface ClassicGroupRecord {
  /** "consumer" for consumers; "" before the first member told. */
  readonly protocolType: string
  readonly generation: number
  /** The assignor's name; null without members. */
  readonly protocol: string | null
  readonly leader: string | null
  /** When it entered its state; −1: not known. */
  readonly currentStateTimestampMs: number
  readonly members: readonly ClassicMemberRecord[]
}

export interface ClassicMemberRecord {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  /** As Java prints it: `/127.0.0.1`. */
  readonly clientHost: string
  /** −1: the session timeout counts. */
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** Bytes of the consumer protocol, as the members exchanged them. */
  readonly subscription: Buffer
  readonly assignment: Buffer
}

/** The first version with compact strings and tagged fields. */
const FLEXIBLE_SINCE = 4
/** What Kafka writes. */
const WRITTEN_VERSION = 3

/** Reads versions 0 to 4. Throws CORRUPT_BATCH, UNSUPPORTED. */
export function decodeClassicGroup(value: Buffer): ClassicGroupRecord {
  const reader = new ByteReader(value, 'The value of a group record')
  const version = reader.i16()
  if (version < 0 || version > FLEXIBLE_SINCE) {
    const message = `A group record has version ${version}, 0 to 4 are understood: a newer Kafka wrote it.`
    throw new TidemarkError('UNSUPPORTED', message)
  }
  const isFlexible = version >= FLEXIBLE_SINCE
  const text = (): string => (isFlexible ? reader.compactString() : reader.string16())
  const nullableText = (): string | null => (isFlexible ? reader.compactNullableString() : reader.nullableString16())
  const group = {
    protocolType: text(),
    generation: reader.i32(),
    protocol: nullableText(),
    leader: nullableText(),
    currentStateTimestampMs: version >= 2 ? reader.i64() : -1,
  }
  const readMember = (): ClassicMemberRecord => {
    const member = {
      memberId: text(),
      instanceId: version >= 3 ? nullableText() : null,
      clientId: text(),
      clientHost: text(),
      rebalanceTimeoutMs: version >= 1 ? reader.i32() : -1,
      sessionTimeoutMs: reader.i32(),
      subscription: isFlexible ? reader.compactBytes() : reader.bytes32(),
      assignment: isFlexible ? reader.compactBytes() : reader.bytes32(),
    }
    if (isFlexible) reader.taggedFields()
    return member
  }
  const members = isFlexible ? reader.compactArray(readMember) : reader.array(readMember)
  if (isFlexible) reader.taggedFields()
  return { ...group, members }
}

/** The value of a classic group in any version (3 unless given); what the version cannot carry is left out. */
export function encodeClassicGroup(group: ClassicGroupRecord, version = WRITTEN_VERSION): Buffer {
  assert(version >= 0 && version <= FLEXIBLE_SINCE, `version ${version} of a group record`)
  const isFlexible = version >= FLEXIBLE_SINCE
  const writer = new ByteWriter(256).i16(version)
  const text = (value: string | null): ByteWriter =>
    isFlexible ? writer.compactNullableString(value) : writer.nullableString16(value)
  const bytes = (value: Buffer): ByteWriter => (isFlexible ? writer.compactBytes(value) : writer.bytes32(value))
  text(group.protocolType).i32(group.generation)
  text(group.protocol)
  text(group.leader)
  if (version >= 2) writer.i64(group.currentStateTimestampMs)
  if (isFlexible) writer.compactArrayCount(group.members.length)
  else writer.arrayCount(group.members.length)
  for (const member of group.members) {
    text(member.memberId)
    if (version >= 3) text(member.instanceId)
    text(member.clientId)
    text(member.clientHost)
    if (version >= 1) writer.i32(member.rebalanceTimeoutMs)
    writer.i32(member.sessionTimeoutMs)
    bytes(member.subscription)
    bytes(member.assignment)
    if (isFlexible) writer.taggedFields()
  }
  if (isFlexible) writer.taggedFields()
  return writer.toBuffer()
}

/** The record of a classic group; `null` removes the group. */
export function classicGroupRecord(group: string, value: ClassicGroupRecord | null): CoordinatorRecord {
  return {
    key: encodeRecordKey({ kind: 'group', type: RECORD_TYPES.GroupMetadata, group }),
    value: value === null ? null : encodeClassicGroup(value),
  }
}
