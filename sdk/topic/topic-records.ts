import { assert } from '../assert.ts'
import { TidemarkError } from '../errors.ts'
import { TOPIC_RESOURCE } from './metadata-image.ts'
import type { ConfigRecord, PartitionChangeRecord, PartitionRecord, TopicRecord } from './metadata-record.ts'
import type { PartitionImage } from './topic-image.ts'

/** As many records as Kafka's controller writes in one go. */
export const PARTITIONS_MAX = 10_000

/** The one broker that has every partition: this directory's. */
export interface PartitionHome {
  readonly nodeId: number
  readonly directoryId: string
}

/** Throws INVALID_PARTITIONS unless a topic may have so many partitions. */
export function checkPartitionCount(count: number, topic: string): void {
  if (Number.isInteger(count) && count >= 1 && count <= PARTITIONS_MAX) return
  const message = `The topic ${topic} cannot have ${count} partitions: 1 to ${PARTITIONS_MAX} are possible.`
  throw new TidemarkError('INVALID_PARTITIONS', message, { topic })
}

/** What creates a topic: one list, hence one batch, so that no reader ever sees half a topic. */
export function createTopicRecords(
  topic: {
    readonly name: string
    readonly topicId: string
    readonly partitions: number
    readonly configs: Readonly<Record<string, string>>
  },
  home: PartitionHome,
): (TopicRecord | ConfigRecord | PartitionRecord)[] {
  const { name, topicId } = topic
  return [
    { type: 'Topic', name, topicId },
    ...configRecords(name, topic.configs),
    ...addPartitionsRecords(topicId, { from: 0, to: topic.partitions }, home),
  ]
}

/** What adds the partitions from `from` to, not including, `to`. */
export function addPartitionsRecords(
  topicId: string,
  range: { readonly from: number; readonly to: number },
  home: PartitionHome,
): PartitionRecord[] {
  assert(range.to > range.from, `partitions from ${range.from} to ${range.to}`)
  const numbers = Array.from({ length: range.to - range.from }, (_, index) => range.from + index)
  return numbers.map((partition) => ({
    type: 'Partition',
    partition,
    topicId,
    replicas: [home.nodeId],
    isr: [home.nodeId],
    removingReplicas: [],
    addingReplicas: [],
    leader: home.nodeId,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    directories: [home.directoryId],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
  }))
}

/** What removes a topic; its configs go with it. Its committed offsets need tombstones of their own. */
export function removeTopicRecords(topicId: string): { type: 'RemoveTopic'; topicId: string }[] {
  return [{ type: 'RemoveTopic', topicId }]
}

/** What sets configs of a topic, or (null) removes them. */
export function configRecords(topic: string, changes: Readonly<Record<string, string | null>>): ConfigRecord[] {
  return Object.entries(changes).map(([name, value]) => ({
    type: 'Config',
    resourceType: TOPIC_RESOURCE,
    resourceName: topic,
    name,
    value,
  }))
}

/**
 * What begins a new leader epoch, one above `partition.leaderEpoch`. A broker that stopped leaves partitions without
 * leader and in-sync replicas, which no broker would ever lead again: that is mended in the same record.
 */
export function raiseLeaderEpochRecord(partition: PartitionImage, home: PartitionHome): PartitionChangeRecord {
  const { nodeId, directoryId } = home
  const isInSync = partition.isr.length === 1 && partition.isr[0] === nodeId
  const isHere = partition.directories.length === 1 && partition.directories[0] === directoryId
  return {
    type: 'PartitionChange',
    partition: partition.partition,
    topicId: partition.topicId,
    leader: nodeId,
    isr: isInSync ? undefined : [nodeId],
    directories: isHere ? undefined : [directoryId],
    leaderRecoveryState: partition.leaderRecoveryState === 0 ? undefined : 0,
    eligibleLeaderReplicas: partition.eligibleLeaderReplicas.length === 0 ? undefined : [],
    lastKnownElr: partition.lastKnownElr.length === 0 ? undefined : [],
  }
}
