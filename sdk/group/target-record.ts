import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import { byTopic, type PartitionId, partitionId } from './partition-id.ts'
import { encodeValue, valueReader } from './versioned-value.ts'

/** Type 6: the group epoch for which the target assignment was computed. */
export interface TargetEpochRecord {
  readonly assignmentEpoch: number
  /** When it was computed; 0 if unknown. */
  readonly assignmentTimestampMs: number
}

const TAG_TIMESTAMP = 0

export function encodeTargetEpoch(record: TargetEpochRecord): Buffer {
  const tagged = new Map<number, Uint8Array>()
  if (record.assignmentTimestampMs !== 0) {
    tagged.set(TAG_TIMESTAMP, new ByteWriter(8).i64(record.assignmentTimestampMs).toBuffer())
  }
  return encodeValue((writer) => writer.i32(record.assignmentEpoch), tagged)
}

export function decodeTargetEpoch(value: Buffer): TargetEpochRecord {
  const reader = valueReader(value, 'A target epoch record')
  const assignmentEpoch = reader.i32()
  const timestamp = reader.taggedFields().get(TAG_TIMESTAMP)
  return {
    assignmentEpoch,
    assignmentTimestampMs: timestamp === undefined ? 0 : new ByteReader(timestamp, 'A target timestamp').i64(),
  }
}

/** Type 7: the partitions one member shall have. None is an empty array. */
export function encodeTarget(partitions: ReadonlySet<PartitionId>): Buffer {
  return encodeValue((writer) =>
    writer.compactArray([...byTopic(partitions)], (topics, [topicId, numbers]) =>
      topics
        .uuid(topicId)
        .compactArray(numbers, (list, number) => list.i32(number))
        .taggedFields(),
    ),
  )
}

export function decodeTarget(value: Buffer): ReadonlySet<PartitionId> {
  const partitions = new Set<PartitionId>()
  valueReader(value, 'A target assignment record').compactArray((topic) => {
    const topicId = topic.uuid()
    for (const number of topic.compactArray((list) => list.i32())) partitions.add(partitionId(topicId, number))
    topic.taggedFields()
  })
  return partitions
}
