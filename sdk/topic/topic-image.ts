import type { PartitionChangeRecord, PartitionRecord } from './metadata-record.ts'

/** A topic as the metadata log describes it. */
export interface TopicImage {
  readonly name: string
  readonly topicId: string
  /** By number; ascending, since a topic only grows. */
  readonly partitions: ReadonlyMap<number, PartitionImage>
}

/** A partition: its record with all later changes merged into it. */
export type PartitionImage = Omit<PartitionRecord, 'type'>

export function partitionImage({ type: _, ...image }: PartitionRecord): PartitionImage {
  return image
}

/**
 * A partition after a change. Every change raises the partition's epoch; one that names a leader, even the same one,
 * raises the leader's epoch too: that is how an owner begins a new one.
 */
export function changedPartition(before: PartitionImage, change: PartitionChangeRecord): PartitionImage {
  return {
    partition: before.partition,
    topicId: before.topicId,
    replicas: change.replicas ?? before.replicas,
    isr: change.isr ?? before.isr,
    removingReplicas: change.removingReplicas ?? before.removingReplicas,
    addingReplicas: change.addingReplicas ?? before.addingReplicas,
    leader: change.leader ?? before.leader,
    leaderRecoveryState: change.leaderRecoveryState ?? before.leaderRecoveryState,
    leaderEpoch: before.leaderEpoch + (change.leader === undefined ? 0 : 1),
    partitionEpoch: before.partitionEpoch + 1,
    directories: change.directories ?? before.directories,
    eligibleLeaderReplicas: change.eligibleLeaderReplicas ?? before.eligibleLeaderReplicas,
    lastKnownElr: change.lastKnownElr ?? before.lastKnownElr,
  }
}
