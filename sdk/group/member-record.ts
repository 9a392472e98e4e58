import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import { encodeValue, valueReader } from './versioned-value.ts'

/** Type 5: what a member said about itself. */
export interface MemberRecord {
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  /** As Java prints it: `/127.0.0.1`. */
  readonly clientHost: string
  /** Sorted. */
  readonly subscribedTopicNames: readonly string[]
  /** '' is none, like null: brokers write ''. */
  readonly subscribedTopicRegex: string | null
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor: string | null
  /** Set while a member of the classic protocol takes part in a group that is being upgraded. */
  readonly classic: ClassicMemberMetadata | null
}

export interface ClassicMemberMetadata {
  readonly sessionTimeoutMs: number
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[]
}

const TAG_CLASSIC = 0

export function encodeMember(record: MemberRecord): Buffer {
  // The tag is written even for null, since its absence does not mean null: brokers would take the member for a classic one.
  const tagged = new Map([[TAG_CLASSIC, encodeClassic(record.classic)]])
  return encodeValue((writer) => {
    writer
      .compactNullableString(record.instanceId)
      .compactNullableString(record.rackId)
      .compactString(record.clientId)
      .compactString(record.clientHost)
      .compactArray(record.subscribedTopicNames, (names, name) => names.compactString(name))
      .compactNullableString(record.subscribedTopicRegex)
      .i32(record.rebalanceTimeoutMs)
      .compactNullableString(record.serverAssignor)
  }, tagged)
}

export function decodeMember(value: Buffer): MemberRecord {
  const reader = valueReader(value, 'A group member record')
  const fields = {
    instanceId: reader.compactNullableString(),
    rackId: reader.compactNullableString(),
    clientId: reader.compactString(),
    clientHost: reader.compactString(),
    subscribedTopicNames: reader.compactArray((names) => names.compactString()),
    subscribedTopicRegex: reader.compactNullableString(),
    rebalanceTimeoutMs: reader.i32(),
    serverAssignor: reader.compactNullableString(),
  }
  return { ...fields, classic: decodeClassic(reader.taggedFields().get(TAG_CLASSIC)) }
}

/** A byte 01 or 00 (null) before the struct. */
function encodeClassic(classic: ClassicMemberMetadata | null): Buffer {
  if (classic === null) return Buffer.from([0])
  return new ByteWriter(64)
    .i8(1)
    .i32(classic.sessionTimeoutMs)
    .compactArray(classic.protocols, (writer, protocol) =>
      writer.compactString(protocol.name).compactBytes(protocol.metadata).taggedFields(),
    )
    .taggedFields()
    .toBuffer()
}

/** Absent means what a broker makes of it: a classic member of which nothing is known. */
function decodeClassic(field: Buffer | undefined): ClassicMemberMetadata | null {
  if (field === undefined) return { sessionTimeoutMs: 0, protocols: [] }
  const reader = new ByteReader(field, 'A classic member')
  if (reader.i8() !== 1) return null
  const sessionTimeoutMs = reader.i32()
  const protocols = reader.compactArray((element) => {
    const protocol = { name: element.compactString(), metadata: element.compactBytes() }
    element.taggedFields()
    return protocol
  })
  return { sessionTimeoutMs, protocols }
}
