import { ByteReader } from '../record/byte-reader.ts'
import type { NamedPartition } from './heartbeat-request.ts'

/**
 * The bytes that classic consumers put into their group's record (Kafka's ConsumerProtocolSubscription and
 * ConsumerProtocolAssignment). Only the topics are read, which have stood at the same place in every version.
 * Other applications of the classic protocol put other bytes there: undefined.
 */
export function subscribedTopics(subscription: Buffer): readonly string[] | undefined {
  return tolerantly(() => {
    const reader = new ByteReader(subscription, 'A subscription')
    return reader.i16() < 0 ? undefined : reader.array((topics) => topics.string16())
  })
}

export function assignedPartitions(assignment: Buffer): readonly NamedPartition[] | undefined {
  if (assignment.length === 0) return []
  return tolerantly(() => {
    const reader = new ByteReader(assignment, 'An assignment')
    if (reader.i16() < 0) return undefined
    return reader
      .array((topics) => ({ topic: topics.string16(), partitions: topics.array((list) => list.i32()) }))
      .flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  })
}

function tolerantly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
