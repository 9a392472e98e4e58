/**
 * The records of `__cluster_metadata` that say something about topics, as plain values. Names are those of Kafka's
 * schemas. `metadata-record-codec.ts` turns them into bytes and back.
 */
export type MetadataRecord =
  | TopicRecord
  | PartitionRecord
  | ConfigRecord
  | PartitionChangeRecord
  | { readonly type: 'RemoveTopic'; readonly topicId: string }
  | { readonly type: 'FeatureLevel'; readonly name: string; readonly level: number }
  | ProducerIdsRecord
  | { readonly type: 'NoOp' }
  | { readonly type: 'BeginTransaction'; readonly name: string | null }
  | { readonly type: 'EndTransaction' }
  | { readonly type: 'AbortTransaction'; readonly reason: string | null }
  /** Forgets the eligible leader replicas of a topic, or of all topics (''). */
  | { readonly type: 'ClearElr'; readonly topic: string }
  | UnknownMetadataRecord

export interface TopicRecord {
  readonly type: 'Topic'
  readonly name: string
  readonly topicId: string
}

export interface ConfigRecord {
  readonly type: 'Config'
  /** 2 topic, 4 broker, and others. */
  readonly resourceType: number
  readonly resourceName: string
  readonly name: string
  /** null removes it. */
  readonly value: string | null
}

export interface PartitionRecord {
  readonly type: 'Partition'
  readonly partition: number
  readonly topicId: string
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  /** −1: none. */
  readonly leader: number
  readonly leaderRecoveryState: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** The log directory of each replica; empty before version 1. */
  readonly directories: readonly string[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownElr: readonly number[]
}

/** What changed; what is left out stays. It has no epochs of its own: replaying it raises them. */
export interface PartitionChangeRecord {
  readonly type: 'PartitionChange'
  readonly partition: number
  readonly topicId: string
  readonly isr?: readonly number[] | undefined
  readonly leader?: number | undefined
  readonly replicas?: readonly number[] | undefined
  readonly removingReplicas?: readonly number[] | undefined
  readonly addingReplicas?: readonly number[] | undefined
  readonly leaderRecoveryState?: number | undefined
  readonly directories?: readonly string[] | undefined
  readonly eligibleLeaderReplicas?: readonly number[] | undefined
  readonly lastKnownElr?: readonly number[] | undefined
}

export interface ProducerIdsRecord {
  readonly type: 'ProducerIds'
  readonly brokerId: number
  readonly brokerEpoch: number
  /** The first id that nobody has yet. */
  readonly nextProducerId: number
}

/** Brokers, quotas, ACLs, whatever a newer Kafka adds: kept apart, never stumbled over. */
export interface UnknownMetadataRecord {
  readonly type: 'Unknown'
  readonly apiKey: number
  readonly version: number
}

/** The schema's number, and the versions of it that are read (from 0 on). */
export const METADATA_SCHEMAS = {
  Topic: { apiKey: 2, maxVersion: 0 },
  Partition: { apiKey: 3, maxVersion: 2 },
  Config: { apiKey: 4, maxVersion: 0 },
  PartitionChange: { apiKey: 5, maxVersion: 2 },
  RemoveTopic: { apiKey: 9, maxVersion: 0 },
  FeatureLevel: { apiKey: 12, maxVersion: 0 },
  ProducerIds: { apiKey: 15, maxVersion: 0 },
  NoOp: { apiKey: 20, maxVersion: 0 },
  BeginTransaction: { apiKey: 23, maxVersion: 0 },
  EndTransaction: { apiKey: 24, maxVersion: 0 },
  AbortTransaction: { apiKey: 25, maxVersion: 0 },
  ClearElr: { apiKey: 28, maxVersion: 0 },
} as const satisfies Record<Exclude<MetadataRecord['type'], 'Unknown'>, { apiKey: number; maxVersion: number }>
