import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'

/** What a record of `__consumer_offsets` is about. `type` is Kafka's number, the first two bytes of the key. */
export type RecordKey = OffsetKey | GroupKey | MemberKey | RegularExpressionKey | UnknownKey

/** 1, and 0 as very old brokers wrote it. */
export interface OffsetKey {
  readonly kind: 'offset'
  readonly type: number
  readonly group: string
  readonly topic: string
  readonly partition: number
}

export interface GroupKey {
  readonly kind: 'group'
  readonly type: number
  readonly group: string
}

export interface MemberKey {
  readonly kind: 'member'
  readonly type: number
  readonly group: string
  readonly memberId: string
}

/** 16. */
export interface RegularExpressionKey {
  readonly kind: 'regex'
  readonly type: number
  readonly group: string
  readonly regex: string
}

/** A type of a newer Kafka: to be kept and passed over. */
export interface UnknownKey {
  readonly kind: 'unknown'
  readonly type: number
}

/** Kafka's numbers of the record types. Those of one group type stand together. */
export const RECORD_TYPES = {
  LegacyOffsetCommit: 0,
  OffsetCommit: 1,
  GroupMetadata: 2,
  ConsumerGroupMetadata: 3,
  ConsumerGroupPartitionMetadata: 4,
  ConsumerGroupMemberMetadata: 5,
  ConsumerGroupTargetAssignmentMetadata: 6,
  ConsumerGroupTargetAssignmentMember: 7,
  ConsumerGroupCurrentMemberAssignment: 8,
  ShareGroupMemberMetadata: 10,
  ShareGroupMetadata: 11,
  ShareGroupTargetAssignmentMetadata: 12,
  ShareGroupTargetAssignmentMember: 13,
  ShareGroupCurrentMemberAssignment: 14,
  ShareGroupStatePartitionMetadata: 15,
  ConsumerGroupRegularExpression: 16,
  StreamsGroupMetadata: 17,
  StreamsGroupMemberMetadata: 19,
  StreamsGroupTargetAssignmentMetadata: 20,
  StreamsGroupTargetAssignmentMember: 21,
  StreamsGroupCurrentMemberAssignment: 22,
  StreamsGroupTopology: 23,
} as const

const KIND_BY_TYPE: ReadonlyMap<number, Exclude<RecordKey['kind'], 'unknown'>> = new Map([
  ...[0, 1].map((type) => [type, 'offset'] as const),
  ...[2, 3, 4, 6, 11, 12, 15, 17, 20, 23].map((type) => [type, 'group'] as const),
  ...[5, 7, 8, 10, 13, 14, 19, 21, 22].map((type) => [type, 'member'] as const),
  [RECORD_TYPES.ConsumerGroupRegularExpression, 'regex'] as const,
])

/** Reads a key of any type. Throws CORRUPT_BATCH where a known one is damaged, or there is none. */
export function parseRecordKey(key: Buffer | null): RecordKey {
  if (key === null) throw new TidemarkError('CORRUPT_BATCH', 'A record of __consumer_offsets has no key.')
  const reader = new ByteReader(key, 'A key of __consumer_offsets')
  const type = reader.i16()
  const kind = KIND_BY_TYPE.get(type)
  switch (kind) {
    case undefined:
      return { kind: 'unknown', type }
    case 'offset':
      return { kind, type, group: reader.string16(), topic: reader.string16(), partition: reader.i32() }
    case 'group':
      return { kind, type, group: reader.string16() }
    case 'member':
      return { kind, type, group: reader.string16(), memberId: reader.string16() }
    case 'regex':
      return { kind, type, group: reader.string16(), regex: reader.string16() }
  }
}

/** The key of any known type as bytes; the inverse of `parseRecordKey`. */
export function encodeRecordKey(key: Exclude<RecordKey, UnknownKey>): Buffer {
  const writer = new ByteWriter(64).i16(key.type).string16(key.group)
  if (key.kind === 'offset') writer.string16(key.topic).i32(key.partition)
  else if (key.kind === 'member') writer.string16(key.memberId)
  else if (key.kind === 'regex') writer.string16(key.regex)
  return writer.toBuffer()
}
