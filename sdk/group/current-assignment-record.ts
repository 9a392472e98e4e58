import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import { byTopic, type PartitionId, partitionId } from './partition-id.ts'
import { encodeValue, valueReader } from './versioned-value.ts'

/** Kafka's states of a member. Any other number is a state this version does not know. */
export const MEMBER_STATE = {
  stable: 0,
  /** Must give partitions up and say so. */
  unrevoked: 1,
  /** Waits for partitions that others still hold. */
  unreleased: 2,
} as const

/** Partitions with the target epoch at which the member got each. */
export type HeldPartitions = ReadonlyMap<PartitionId, number>

/** Type 8: what a member has now. */
export interface CurrentAssignmentRecord {
  /** −2 while a static member is away. */
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: number
  readonly assigned: HeldPartitions
  /** To be given up; still the member's until it says so. */
  readonly pendingRevocation: HeldPartitions
}

const TAG_EPOCHS = 0

export function encodeCurrentAssignment(record: CurrentAssignmentRecord): Buffer {
  return encodeValue((writer) => {
    writer.i32(record.memberEpoch).i32(record.previousMemberEpoch).i8(record.state)
    writeHeld(writer, record.assigned)
    writeHeld(writer, record.pendingRevocation)
  })
}

export function decodeCurrentAssignment(value: Buffer): CurrentAssignmentRecord {
  const reader = valueReader(value, 'A current assignment record')
  const memberEpoch = reader.i32()
  return {
    memberEpoch,
    previousMemberEpoch: reader.i32(),
    state: reader.i8(),
    assigned: readHeld(reader, memberEpoch),
    pendingRevocation: readHeld(reader, memberEpoch),
  }
}

function writeHeld(writer: ByteWriter, held: HeldPartitions): void {
  writer.compactArray([...byTopic(held.keys())], (topics, [topicId, numbers]) => {
    const epochs = numbers.map((number) => held.get(partitionId(topicId, number)) ?? 0)
    // Always written: without it, every load by a broker logs an error and takes the member's epoch for all partitions.
    const field = new ByteWriter(8).compactArray(epochs, (list, epoch) => list.i32(epoch)).toBuffer()
    topics
      .uuid(topicId)
      .compactArray(numbers, (list, number) => list.i32(number))
      .taggedFields(new Map([[TAG_EPOCHS, field]]))
  })
}

function readHeld(reader: ByteReader, memberEpoch: number): HeldPartitions {
  const held = new Map<PartitionId, number>()
  reader.compactArray((topic) => {
    const topicId = topic.uuid()
    const numbers = topic.compactArray((list) => list.i32())
    const field = topic.taggedFields().get(TAG_EPOCHS)
    const epochs = field && new ByteReader(field, 'Assignment epochs').compactNullableArray((list) => list.i32())
    for (const [index, number] of numbers.entries()) {
      held.set(partitionId(topicId, number), epochs?.[index] ?? Math.max(memberEpoch, 0))
    }
  })
  return held
}

export function sameHeld(a: HeldPartitions, b: HeldPartitions): boolean {
  if (a.size !== b.size) return false
  for (const [id, epoch] of a) if (b.get(id) !== epoch) return false
  return true
}
